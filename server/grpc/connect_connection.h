#pragma once

#include <grpcpp/support/status.h>

#include <string>

#include "server/session/connection.h"
#include "server/session/session_hub.h"

namespace atrium {

class ConnectStream;

// The shard's side of one Connect stream. All that is queued goes out as one ServerFrames message.
class ConnectConnection final : public Connection {
 public:
  // `stream` lives until OnDone.
  ConnectConnection(SessionHub& hub, ConnectStream& stream, std::string address);

  void Start();

  // What gRPC told the stream, in its order.
  void OnFrames(bool parsed, v1::ClientFrames frames);
  void OnReadEnd();
  void OnWriteDone(bool ok);
  void OnCancel();
  void OnDone(bool cancelled);

 private:
  void Write() override;
  void Settle() override;
  void FinishClose(CloseCode code, absl::string_view reason) override;
  void Abort() override;
  void Ping() override;
  void Depart() override {}
  void Arrive() override;

  void End(const ::grpc::Status& status, bool cancel);

  ConnectStream& stream_;
  // What the stream ends with once all is written.
  ::grpc::Status verdict_;
  // Of the write under way, or that is done and not settled; 0 if there is none.
  size_t writing_bytes_ = 0;
  bool ended_ = false;
  bool cancelled_here_ = false;
  // The client is lost, as gRPC told, before the end came from here.
  bool lost_ = false;
  // The session that the client has left by a half-close, should it prove to be one; 0 if there is none.
  SessionKey left_session_ = 0;
  uint32_t left_generation_ = 0;
};

}  // namespace atrium
