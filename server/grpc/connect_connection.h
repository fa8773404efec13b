#pragma once

#include <grpcpp/support/slice.h>
#include <grpcpp/support/status.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/session/connection.h"
#include "server/session/session_hub.h"
#include "server/wire/client_frames_reader.h"

namespace atrium {

class ConnectStream;

// The shard's side of one Connect stream. All that is queued goes out as one ServerFrames message. It runs on the shard
// of its hub, as any Connection.
class ConnectConnection final : public Connection {
 public:
  // `stream` lives until OnDone.
  ConnectConnection(SessionHub& hub, ConnectStream& stream, std::string address);

  // `token` is what the client has shown beside the stream, or why it is to be closed at once.
  void Start(const absl::StatusOr<std::string>& token);

  // The stream passes on here, in its order, what gRPC told it. `frames` is a serialised ClientFrames if `verdict`
  // is OK.
  void OnFrames(const absl::Status& verdict, const ::grpc::Slice& frames);
  void OnReadEnd();
  void OnWriteDone(bool ok);
  void OnCancel();
  void OnDone(bool cancelled);

 private:
  void Write() override;
  void Settle() override;
  void FinishClose(CloseCode code, absl::string_view reason) override;
  void Abort() override;
  bool Ping() override;
  void Depart() override {}
  void Arrive() override;

  void End(const ::grpc::Status& status, bool cancel);
  // Deals with some of the frames that have come, as the client's rate allows, then with the rest in another turn; asks
  // for more when there are none left.
  void ReadSome();
  void OnFrame(absl::string_view frame);

  // A message of which some frames are still to be dealt with.
  struct Incoming {
    explicit Incoming(const ::grpc::Slice& slice)
        : message(slice), frames({reinterpret_cast<const char*>(message.begin()), message.size()}) {}
    const ::grpc::Slice message;
    ClientFramesReader frames;
  };

  ConnectStream& stream_;
  // This is null while a message is waited for.
  std::unique_ptr<Incoming> incoming_;
  // The stream ends with this once all is written.
  ::grpc::Status verdict_;
  // The write that is under way, or that is done and not settled, has so many bytes; 0 means that there is none.
  size_t writing_bytes_ = 0;
  bool ended_ = false;
  bool cancelled_here_ = false;
  // gRPC told that the client is lost before the end came from here.
  bool lost_ = false;
  // The client has left this session by a half-close, should the end of its messages prove to be one; 0 means none.
  SessionKey left_session_ = 0;
  uint32_t left_generation_ = 0;
};

}  // namespace atrium
