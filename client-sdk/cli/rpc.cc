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

Rpc::Rpc(std::string address)
    : address_(std::move(address)),
      rooms_(v1::RoomService::NewStub(Open(address_))),
      sessions_(v1::SessionService::NewStub(Open(address_))) {}

absl::Status Rpc::Explain(const grpc::Status& status) const {
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
  return {code, message};
}

}  // namespace atrium::cli
