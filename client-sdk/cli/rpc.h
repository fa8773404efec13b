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

namespace atrium::cli {

// The server as its clients know it. It is thread-safe.
class Rpc {
 public:
  // `address` is host:port.
  explicit Rpc(std::string address);

  const std::string& address() const { return address_; }
  v1::RoomService::Stub& rooms() { return *rooms_; }
  v1::SessionService::Stub& sessions() { return *sessions_; }

  // Calls a method of the room service. UNAVAILABLE if nobody is there, or the connection was lost meanwhile;
  // DEADLINE_EXCEEDED if no answer came in 10 s. In both cases it may have been done.
  //
  //   rpc.Ask(&v1::RoomService::Stub::Emit, request)
  template <typename Request, typename Response>
  absl::StatusOr<Response> Ask(grpc::Status (v1::RoomService::Stub::*method)(grpc::ClientContext*, const Request&,
                                                                             Response*),
                               const Request& request) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(10)));
    Response response;
    absl::Status status = Explain((rooms_.get()->*method)(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }

  // Returns what the server said, or, if it cannot be reached, what to do.
  absl::Status Explain(const grpc::Status& status) const;

 private:
  const std::string address_;
  const std::unique_ptr<v1::RoomService::Stub> rooms_;
  const std::unique_ptr<v1::SessionService::Stub> sessions_;
};

}  // namespace atrium::cli
