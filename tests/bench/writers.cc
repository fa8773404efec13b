#include "tests/bench/writers.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/bench/check.h"
#include "tests/bench/fanout.h"
#include "tests/bench/grpc_calls.h"

namespace atrium::bench {
namespace {

constexpr absl::Duration kLimit = absl::Seconds(30);
constexpr absl::string_view kWelcome = R"({"welcome":{"sessionId":")";

std::string EmitFrame(const std::string& room) {
  return MaskedText(absl::StrCat(R"({"id":2,"emit":{"roomId":")", room,
                                 R"(","event":"note","to":["nobody"],"data":{"text":")", std::string(kDataBytes, 'x'),
                                 "\"}}}"));
}

}  // namespace

Writers::Writers(Loop& loop, const ChildProcess& server, const std::vector<std::string>& rooms)
    : loop_(loop), writers_(rooms.size()) {
  for (size_t i = 0; i < rooms.size(); ++i) {
    writers_[i].client =
        std::make_unique<Client>(loop_, *this, server.Port("http"), Opening::kWebSocket, static_cast<int>(i));
    writers_[i].emit = EmitFrame(rooms[i]);
  }
  loop_.RunUntil([&] { return welcomed_ == static_cast<int>(rooms.size()); }, kLimit, "writers to be welcome");
  BringIn(server, rooms);
}

void Writers::BringIn(const ChildProcess& server, const std::vector<std::string>& rooms) {
  GrpcCalls<v1::JoinRequest, v1::JoinResponse> calls(server.Port("grpc"), &RoomMethods::Join);
  const int count = static_cast<int>(rooms.size());
  calls.StartCount(count, [&](int i, v1::JoinRequest& request) {
    request.set_room_id(rooms[i]);
    request.set_member_id(writers_[i].session_id);
  });
  loop_.RunUntil([&] { return joined_ == count; }, kLimit, "writers to be in their rooms");
}

Writes Writers::RunClosedLoop(absl::Duration duration) {
  Writes writes;
  latencies_us_ = &writes.latencies_us;
  again_ = true;
  const absl::Time start = absl::Now();
  for (Writer& writer : writers_) Emit(writer);
  loop_.RunFor(duration);
  again_ = false;
  WaitForAnswers();
  writes.elapsed = absl::Now() - start;
  latencies_us_ = nullptr;
  return writes;
}

void Writers::RunPaced(double emits_per_second, const std::function<bool()>& goes_on) {
  const absl::Duration interval = absl::Seconds(1 / emits_per_second);
  size_t next = 0;
  for (absl::Time due = absl::Now(); goes_on(); due += interval) {
    while (absl::Now() < due) loop_.Turn(due);
    Emit(writers_[next]);
    next = (next + 1) % writers_.size();
  }
  WaitForAnswers();
}

void Writers::Emit(Writer& writer) {
  ++awaited_;
  writer.asked = absl::Now();
  writer.client->Send(writer.emit);
}

void Writers::WaitForAnswers() {
  loop_.RunUntil([&] { return awaited_ == 0; }, kLimit, "writes to be acknowledged");
}

void Writers::OnOpen(Client& client) { client.Send(MaskedText(R"({"id":1,"hello":{"client":"bench"}})")); }

void Writers::OnClosed(Client&) { Fail("the server cut a writer off"); }

void Writers::OnText(Client& client, absl::string_view text) {
  Writer& writer = writers_[client.group()];
  if (absl::StartsWith(text, R"({"reply":{"id":2,"emit":{"success":true)")) return OnAnswer(writer);
  if (absl::StartsWith(text, kWelcome)) {
    const size_t end = text.find('"', kWelcome.size());
    writer.session_id = std::string(text.substr(kWelcome.size(), end - kWelcome.size()));
    ++welcomed_;
  } else if (absl::StartsWith(text, R"({"snapshot":)")) {
    ++joined_;
  } else if (!absl::StartsWith(text, R"({"member":)")) {
    Fail(absl::StrCat("a writer got an unexpected frame: ", text));
  }
}

void Writers::OnAnswer(Writer& writer) {
  --awaited_;
  if (latencies_us_ != nullptr) latencies_us_->push_back(absl::ToDoubleMicroseconds(absl::Now() - writer.asked));
  if (again_) Emit(writer);
}

}  // namespace atrium::bench
