#pragma once

#include <grpcpp/client_context.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "atrium/v1/rooms.grpc.pb.h"
#include "atrium/v1/sessions.grpc.pb.h"
#include "client-sdk/cli/credentials.h"

namespace atrium::cli {

// The server as its clients know it. All calls go through it, so that each shows who makes it. It is thread-safe.
class Rpc {
 public:
  // `address` is host:port.
  Rpc(std::string address, Credentials credentials);

  const std::string& address() const { return address_; }
  const Credentials& credentials() const { return credentials_; }

  // Calls a method of the room service. UNAVAILABLE if nobody is there, or the connection was lost meanwhile;
  // DEADLINE_EXCEEDED if no answer came in 10 s. In both cases it may have been done.
  //
  //   rpc.Ask(&v1::RoomService::Stub::Emit, request)
  template <typename Request, typename Response>
  absl::StatusOr<Response> Ask(grpc::Status (v1::RoomService::Stub::*method)(grpc::ClientContext*, const Request&,
                                                                             Response*),
                               const Request& request) {
    grpc::ClientContext context;
    Show(credentials_.ForCall(), context);
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(10)));
    Response response;
    absl::Status status = Explain((rooms_.get()->*method)(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }

  // Begins to follow a room. The context outlives the stream.
  std::unique_ptr<grpc::ClientReader<v1::ServerFrames>> Watch(grpc::ClientContext& context,
                                                              const v1::WatchRequest& request);
  // Begins a connection. It shows the key, because the token goes into the hello.
  std::unique_ptr<grpc::ClientReaderWriter<v1::ClientFrames, v1::ServerFrames>> Connect(grpc::ClientContext& context);

  // Returns what the server said, or, if it cannot be reached or does not know who calls, what to do.
  absl::Status Explain(const grpc::Status& status) const { return Explain(status, &Credentials::HintForCall); }
  // The same of how a connection has ended.
  absl::Status ExplainSession(const grpc::Status& status) const {
    return Explain(status, &Credentials::HintForSession);
  }

 private:
  static void Show(const std::string& secret, grpc::ClientContext& context);
  absl::Status Explain(const grpc::Status& status, std::string (Credentials::*hint)() const) const;

  const std::string address_;
  const Credentials credentials_;
  const std::unique_ptr<v1::RoomService::Stub> rooms_;
  const std::unique_ptr<v1::SessionService::Stub> sessions_;
};

}  // namespace atrium::cli
