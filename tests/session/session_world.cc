#include "tests/session/session_world.h"

#include <gtest/gtest.h>

#include <utility>

namespace atrium::testing {
namespace {

v1::ClientFrame FrameOf(const v1::Hello& hello) {
  v1::ClientFrame frame;
  *frame.mutable_hello() = hello;
  return frame;
}

}  // namespace

void FakeConnection::Receive(const v1::ClientFrame& frame) {
  if (CountMessage(frame.ByteSizeLong())) {
    Heard();
    return OnRequest(DecodeFrame(frame));
  }
  Refuse(frame.id());
}

void FakeConnection::End() {
  PeerLeft(/*said_goodbye=*/true);
  Closed();
}

void FakeConnection::Lose() {
  takes_ = 0;
  Closed();
}

void FakeConnection::Take(size_t more) {
  takes_ = more;
  Write();
}

void FakeConnection::Write() {
  for (; !outbox_.empty() && takes_ > 0; --takes_) {
    const absl::string_view bytes = outbox_.Unsent(0);
    v1::ServerFrames parsed;
    parsed.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
    for (v1::ServerFrame& frame : *parsed.mutable_frames()) frames.push_back(std::move(frame));
    Sent(bytes.size());
  }
}

// A frame of nothing.
bool FakeConnection::Ping() { return Queue(std::make_shared<const std::string>("\x78\x01")); }

SessionWorld::Client::Client(SessionWorld& world, std::shared_ptr<FakeConnection> connection)
    : world_(world), connection_(std::move(connection)) {}

uint32_t SessionWorld::Client::Send(v1::ClientFrame frame) {
  frame.set_id(++last_id_);
  connection_->Receive(frame);
  return last_id_;
}

v1::Reply SessionWorld::Client::Ask(v1::ClientFrame frame) {
  const uint32_t id = Send(std::move(frame));
  world_.Run();
  return Reply(id);
}

v1::Reply SessionWorld::Client::Reply(uint32_t id) const {
  for (const v1::ServerFrame& frame : connection_->frames) {
    if (frame.has_reply() && frame.reply().id() == id) return frame.reply();
  }
  return {};
}

void SessionWorld::Client::Leave() {
  connection_->End();
  connection_->frames.clear();
  world_.Run();
}

void SessionWorld::Client::Lose() {
  LoseNow();
  world_.Run();
}

void SessionWorld::Client::Read(size_t frames) {
  connection_->Take(frames);
  world_.Run();
}

SessionWorld::SessionWorld(RoomRegistry registry, SessionSettings settings, RoomSettings rooms)
    : RoomWorld(std::move(registry), {.rooms = rooms, .sessions = settings}) {}

SessionWorld::Client& SessionWorld::Connect(const std::string& user, int shard) {
  v1::Hello hello;
  hello.set_token(user);
  return Connect(hello, shard);
}

SessionWorld::Client& SessionWorld::Connect(const v1::Hello& hello, int shard,
                                            const std::vector<v1::ClientFrame>& behind) {
  auto connection = std::make_shared<FakeConnection>(hub(shard));
  hub(shard).Add(connection);
  clients_.push_back(std::make_unique<Client>(*this, connection));
  Client& client = *clients_.back();
  client.Send(FrameOf(hello));
  for (const v1::ClientFrame& request : behind) client.Send(request);
  Run();
  client.id_ = client.welcome().session_id();
  return client;
}

void SessionWorld::Vanish(const v1::Hello& hello) {
  auto connection = std::make_shared<FakeConnection>(hub(0));
  hub(0).Add(connection);
  connection->Receive(FrameOf(hello));
  connection->Lose();
  Run();
  EXPECT_TRUE(connection->frames.empty());
}

SessionWorld::Client& SessionWorld::Resume(const Client& client, int shard) {
  v1::Hello hello;
  hello.set_resume_token(client.welcome().resume_token());
  return Connect(hello, shard);
}

}  // namespace atrium::testing
