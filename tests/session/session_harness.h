#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/session/session_api.h"
#include "server/session/session_hub.h"
#include "tests/support/manual_shards.h"
#include "tests/support/manual_workers.h"

namespace atrium::testing {

// A client without a transport: what the server writes, it has.
class FakeConnection final : public Connection {
 public:
  // Its `frames` are read only of kGrpc.
  explicit FakeConnection(SessionHub& hub, Encoding encoding = Encoding::kGrpc)
      : Connection(hub, encoding, "127.0.0.1") {}

  void Receive(const v1::ClientFrame& frame) { OnRequest(DecodeFrame(frame)); }
  void End() {
    PeerLeft(/*said_goodbye=*/true);
    Closed();
  }
  void Lose() {
    takes_ = 0;
    Closed();
  }
  // Takes so many frames more.
  void Take(size_t more) {
    takes_ = more;
    Write();
  }
  std::vector<v1::ServerFrame> frames;

 private:
  void Write() override {
    for (; !outbox_.empty() && takes_ > 0; --takes_) {
      const absl::string_view bytes = outbox_.Unsent(0);
      v1::ServerFrames parsed;
      parsed.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
      for (v1::ServerFrame& frame : *parsed.mutable_frames()) frames.push_back(std::move(frame));
      Sent(bytes.size());
    }
  }
  void FinishClose(CloseCode, absl::string_view) override {}
  void Abort() override {}
  void Ping() override {}
  void Depart() override {}
  void Arrive() override {}

  size_t takes_ = static_cast<size_t>(-1);
};

// Rooms and sessions on two shards without threads.
class SessionHarness {
 public:
  // One client of the harness.
  class Client {
   public:
    Client(SessionHarness& harness, std::shared_ptr<FakeConnection> connection)
        : harness_(harness), connection_(std::move(connection)) {}

    const std::string& id() const { return id_; }

    uint32_t Send(v1::ClientFrame frame) {
      frame.set_id(++last_id_);
      connection_->Receive(frame);
      return last_id_;
    }
    // Sends and runs until nothing moves.
    v1::Reply Ask(v1::ClientFrame frame) {
      const uint32_t id = Send(std::move(frame));
      harness_.shards.Run();
      return Reply(id);
    }
    // Empty if it has not come.
    v1::Reply Reply(uint32_t id) const {
      for (const v1::ServerFrame& frame : connection_->frames) {
        if (frame.has_reply() && frame.reply().id() == id) return frame.reply();
      }
      return {};
    }
    // Everything so far, replies too.
    const std::vector<v1::ServerFrame>& frames() const { return connection_->frames; }
    // The session ends.
    void Leave() {
      connection_->End();
      connection_->frames.clear();
      harness_.shards.Run();
    }
    // The connection is lost.
    void Lose() {
      connection_->Lose();
      harness_.shards.Run();
    }
    // Reads so many frames more.
    void Read(size_t frames) {
      connection_->Take(frames);
      harness_.shards.Run();
    }
    v1::Welcome welcome() const { return connection_->frames.at(0).welcome(); }
    size_t waiting() const { return connection_->outbox().bytes(); }

   private:
    friend class SessionHarness;
    SessionHarness& harness_;
    const std::shared_ptr<FakeConnection> connection_;
    std::string id_;
    uint32_t last_id_ = 0;
  };

  explicit SessionHarness(RoomRegistry registry, SessionSettings settings = {}, RoomSettings rooms = {})
      : registry_(std::move(registry)),
        rooms_(registry_, rooms, shards.All(), workers_, log_),
        session_api_(hubs_),
        api(rooms_, session_api_) {
    for (Shard* shard : shards.All()) hubs_.push_back(std::make_unique<SessionHub>(*shard, settings, api, log_, hubs_));
  }

  // With its hello done; on the shard of that index.
  Client& Connect(const std::string& user, int shard = 0) {
    v1::Hello hello;
    hello.set_token(user);
    return Connect(hello, shard);
  }
  Client& Connect(const v1::Hello& hello, int shard = 0, const std::vector<v1::ClientFrame>& behind = {}) {
    auto connection = std::make_shared<FakeConnection>(*hubs_[shard]);
    hubs_[shard]->Add(connection);
    clients_.push_back(std::make_unique<Client>(*this, connection));
    v1::ClientFrame frame;
    *frame.mutable_hello() = hello;
    clients_.back()->Send(frame);
    for (const v1::ClientFrame& request : behind) clients_.back()->Send(request);
    shards.Run();
    clients_.back()->id_ = connection->frames.at(0).welcome().session_id();
    return *clients_.back();
  }
  // A connection that says hello and is lost before anything is written to it.
  void Vanish(const v1::Hello& hello) {
    auto connection = std::make_shared<FakeConnection>(*hubs_[0]);
    hubs_[0]->Add(connection);
    v1::ClientFrame frame;
    *frame.mutable_hello() = hello;
    connection->Receive(frame);
    connection->Lose();
    shards.Run();
    EXPECT_TRUE(connection->frames.empty());
  }
  // Goes on with the session of `client`, over a connection that comes to that shard.
  Client& Resume(const Client& client, int shard = 0) {
    v1::Hello hello;
    hello.set_resume_token(client.welcome().resume_token());
    return Connect(hello, shard);
  }

  RoomManager& rooms() { return rooms_; }
  SessionApi& sessions() { return session_api_; }
  SessionHub& hub(int shard) { return *hubs_[shard]; }

 private:
  Log log_{LogLevel::kError};
  const RoomRegistry registry_;

 public:
  ManualShards shards{2};

 private:
  ManualWorkers workers_;
  RoomManager rooms_;
  std::vector<std::unique_ptr<SessionHub>> hubs_;
  SessionApi session_api_;

 public:
  RoomApi api;

 private:
  std::vector<std::unique_ptr<Client>> clients_;
};

}  // namespace atrium::testing
