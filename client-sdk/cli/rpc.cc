#include "client-sdk/cli/rpc.h"

#include <grpcpp/create_channel.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace atrium::cli {
namespace {

// gRPC waits longer and longer before it tries again, up to two minutes, and for 30 s before it looks a name up again,
// be it an address; somebody is waiting here.
std::shared_ptr<grpc::Channel> Open(const std::string& address) {
  constexpr int kShortestMs = 100;
  constexpr int kLongestMs = 250;
  // A busy server does not take a connection at once.
  constexpr int kConnectMs = 5000;
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kShortestMs);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kLongestMs);
  arguments.SetInt(GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS, kShortestMs);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(-1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace

Rpc::Rpc(std::string address, Credentials credentials)
    : address_(std::move(address)),
      credentials_(std::move(credentials)),
      rooms_(v1::RoomService::NewStub(Open(address_))),
      sessions_(v1::SessionService::NewStub(Open(address_))) {}

std::unique_ptr<grpc::ClientReader<v1::ServerFrames>> Rpc::Watch(grpc::ClientContext& context,
                                                                 const v1::WatchRequest& request) {
  Show(credentials_.ForCall(), context);
  return rooms_->Watch(&context, request);
}

std::unique_ptr<grpc::ClientReaderWriter<v1::ClientFrames, v1::ServerFrames>> Rpc::Connect(
    grpc::ClientContext& context) {
  Show(credentials_.key(), context);
  return sessions_->Connect(&context);
}

void Rpc::Show(const std::string& secret, grpc::ClientContext& context) {
  if (!secret.empty()) context.AddMetadata("authorization", absl::StrCat("Bearer ", secret));
}

absl::Status Rpc::Explain(const grpc::Status& status, std::string (Credentials::*hint)() const) const {
  if (status.ok()) return absl::OkStatus();
  const auto code = static_cast<absl::StatusCode>(status.error_code());
  const std::string& message = status.error_message();
  // A server that answers sends details, and its own message is passed on.
  if (code == absl::StatusCode::kUnavailable && status.error_details().empty()) {
    return absl::UnavailableError(absl::StrCat("no atriumd answers at ", address_,
                                               ": start one with `atriumd --dev`, or name another with --address (",
                                               message, ")"));
  }
  if (code == absl::StatusCode::kDeadlineExceeded && absl::StrContains(message, "Deadline Exceeded")) {
    return absl::DeadlineExceededError(absl::StrCat(address_, " did not answer in 10 s: is it an atriumd?"));
  }
  if (code == absl::StatusCode::kUnauthenticated) {
    return absl::UnauthenticatedError(absl::StrCat(message, " (", (credentials_.*hint)(), ")"));
  }
  return {code, message};
}

}  // namespace atrium::cli
