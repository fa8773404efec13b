#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "atrium/v1/frames.pb.h"
#include "server/session/connection.h"
#include "tests/support/room_world.h"

namespace atrium::testing {

// A connection without a transport: what the server writes, it has.
class FakeConnection final : public Connection {
 public:
  // Its `frames` are read only of kGrpc.
  explicit FakeConnection(SessionHub& hub, Encoding encoding = Encoding::kGrpc)
      : Connection(hub, encoding, "127.0.0.1") {}

  void Receive(const v1::ClientFrame& frame);
  // As a transport hands it over that has read it by itself.
  void Receive(ClientRequest request) { OnRequest(std::move(request)); }
  using Connection::Heard;
  // The client says goodbye and goes.
  void End();
  void Lose();
  // Takes so many frames more.
  void Take(size_t more);

  std::vector<v1::ServerFrame> frames;
  // Bytes that the client has not acknowledged, although they are written.
  size_t untaken = 0;

 private:
  void Write() override;
  size_t UntakenBytes() const override { return untaken; }
  void FinishClose(CloseCode, absl::string_view) override {}
  void Abort() override {}
  bool Ping() override;
  void Depart() override {}
  void Arrive() override {}

  size_t takes_ = static_cast<size_t>(-1);
};

// A RoomWorld whose clients read when a test says so, and come back over connections of their own.
class SessionWorld final : public RoomWorld {
 public:
  // One connection of a client, and what came over it.
  class Client {
   public:
    Client(SessionWorld& world, std::shared_ptr<FakeConnection> connection);

    // Of its session; "" before its welcome.
    const std::string& id() const { return id_; }

    // Returns the id of the request.
    uint32_t Send(v1::ClientFrame frame);
    // The server has read it so, whatever was sent.
    void SendAsRead(ClientRequest request) { connection_->Receive(std::move(request)); }
    // Sends and runs until nothing moves.
    v1::Reply Ask(v1::ClientFrame frame);
    // Empty if it has not come.
    v1::Reply Reply(uint32_t id) const;
    // Everything so far, replies too.
    const std::vector<v1::ServerFrame>& frames() const { return connection_->frames; }
    // The session ends.
    void Leave();
    // The connection is lost.
    void Lose();
    // And nothing else moves yet.
    void LoseNow() { connection_->Lose(); }
    // Answers a ping, or anything else that is no request.
    void Sign() { connection_->Heard(); }
    // Reads so many frames more.
    void Read(size_t frames);
    // So many bytes of what is written wait for it in the kernel.
    void set_untaken(size_t bytes) { connection_->untaken = bytes; }
    v1::Welcome welcome() const { return connection_->frames.at(0).welcome(); }
    // In bytes.
    size_t waiting() const { return connection_->outbox().bytes(); }

   private:
    friend class SessionWorld;
    SessionWorld& world_;
    const std::shared_ptr<FakeConnection> connection_;
    std::string id_;
    uint32_t last_id_ = 0;
  };

  explicit SessionWorld(RoomRegistry registry = {}, SessionSettings settings = {}, RoomSettings rooms = {});

  // With its hello done; on the shard of that index.
  Client& Connect(const std::string& user, int shard = 0);
  // Sends `behind` in one piece with the hello.
  Client& Connect(const v1::Hello& hello, int shard = 0, const std::vector<v1::ClientFrame>& behind = {});
  // A connection that says hello and is lost before anything is written to it.
  void Vanish(const v1::Hello& hello);
  // Goes on with the session of `client`, over a connection that comes to that shard.
  Client& Resume(const Client& client, int shard = 0);

 private:
  std::vector<std::unique_ptr<Client>> clients_;
};

}  // namespace atrium::testing
