#include "tests/bench/returning.h"

#include <cstdlib>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/bench/check.h"
#include "tests/bench/grpc_calls.h"

namespace atrium::bench {
namespace {

constexpr absl::Duration kLimit = absl::Seconds(60);
// Longer than it takes until others are told who is away.
constexpr absl::Duration kQuiet = absl::Milliseconds(500);

// What stands between `before`, where it comes last, and the next quotation mark.
std::string LastText(absl::string_view json, absl::string_view before) {
  const size_t at = json.rfind(before);
  if (at == json.npos) Fail(absl::StrCat("no ", before, " in: ", json));
  const size_t from = at + before.size();
  return std::string(json.substr(from, json.find('"', from) - from));
}

uint64_t Number(const std::string& text) {
  uint64_t number = 0;
  if (!absl::SimpleAtoi(text, &number)) Fail("not a number: " + text);
  return number;
}

}  // namespace

Returning::Returning(Loop& loop, int clients, int members) : loop_(loop), members_(members), seats_(clients) {}

std::string Returning::RoomOf(int client) const { return absl::StrCat("bench-back-", client / members_); }

std::string Returning::PositionOf(const Seat& seat) const {
  return absl::StrCat(R"({"epoch":")", seat.epoch, R"(","offset":")", seat.offset, "\"}");
}

void Returning::Connect(const ChildProcess& server, bool resume) {
  resume_ = resume;
  done_ = 0;
  for (int i = 0; i < count(); ++i) {
    seats_[i].client = std::make_unique<Client>(loop_, *this, server.Port("http"), Opening::kWebSocket, i);
  }
  loop_.RunUntil([&] { return done_ == count(); }, kLimit, "clients to come back");
}

void Returning::Join(const ChildProcess& server) {
  emitted_ = 0;
  for (Seat& seat : seats_) seat.events = 0;
  Connect(server, /*resume=*/false);
}

void Returning::Resume(const ChildProcess& server) { Connect(server, /*resume=*/true); }

void Returning::Cut() {
  for (Seat& seat : seats_) seat.client = nullptr;
}

void Returning::Emit(const ChildProcess& server, int events) {
  const int rooms = (count() + members_ - 1) / members_;
  GrpcCalls<v1::EmitRequest, v1::EmitResponse> calls(server.Port("grpc"), &RoomMethods::Emit);
  // A round for each, because calls overtake each other.
  for (int event = 0; event < events; ++event) {
    calls.StartCount(rooms, [&](int room, v1::EmitRequest& request) {
      request.set_room_id(RoomOf(room * members_));
      request.set_event("tick");
      request.mutable_data()->set_string_value(absl::StrCat(emitted_));
    });
    calls.Wait();
    ++emitted_;
  }
}

void Returning::WaitForQuiet() {
  last_text_ = absl::Now();
  loop_.RunUntil([&] { return absl::Now() - last_text_ > kQuiet; }, kLimit, "quiet");
  for (int i = 0; i < count(); ++i) {
    const Seat& seat = seats_[i];
    const Seat& first = seats_[i / members_ * members_];
    Check(seat.events == emitted_, "a member has not got all events");
    Check(seat.epoch == first.epoch && seat.offset == first.offset, "members of a room have not got the same of it");
  }
}

void Returning::OnOpen(Client& client) {
  const Seat& seat = seats_[client.group()];
  std::string hello = R"({"id":1,"hello":{"client":"bench")";
  if (!seat.resume_token.empty()) {
    absl::StrAppend(&hello, R"(,"resumeToken":")", seat.resume_token, R"(","known":[{"roomId":")",
                    RoomOf(client.group()), R"(","position":)", PositionOf(seat), "}]");
  }
  client.Send(MaskedText(hello + "}}"));
}

void Returning::OnClosed(Client&) { Fail("the server cut a client off"); }

void Returning::OnText(Client& client, absl::string_view text) {
  last_text_ = absl::Now();
  Seat& seat = seats_[client.group()];
  if (absl::StartsWith(text, R"({"event":)") || absl::StartsWith(text, R"({"member":)")) {
    OnFrame(seat, text);
  } else if (absl::StartsWith(text, R"({"welcome":)")) {
    OnWelcome(client, text);
  } else if (absl::StartsWith(text, R"({"reply":{"id":2,"join":)")) {
    OnJoined(seat, text);
  } else {
    Fail(absl::StrCat("a client got an unexpected frame: ", text));
  }
}

void Returning::OnWelcome(Client& client, absl::string_view text) {
  Seat& seat = seats_[client.group()];
  seat.resume_token = LastText(text, R"("resumeToken":")");
  if (absl::StrContains(text, R"("resumed":true)") != resume_) Fail(absl::StrCat("not as expected: ", text));
  if (resume_) return;
  std::string join = absl::StrCat(R"({"id":2,"join":{"roomId":")", RoomOf(client.group()), "\"");
  if (!seat.epoch.empty()) absl::StrAppend(&join, R"(,"since":)", PositionOf(seat));
  client.Send(MaskedText(join + "}}"));
}

void Returning::OnJoined(Seat& seat, absl::string_view text) {
  Check(absl::StrContains(text, R"("recovered":false)"), "a room that is gone was recovered");
  // The last position is the reply's own, behind that of the room.
  seat.epoch = LastText(text, R"("position":{"epoch":")");
  seat.offset = Number(LastText(text, R"("offset":")"));
  ++done_;
}

void Returning::OnFrame(Seat& seat, absl::string_view text) {
  const size_t at = text.find(R"("offset":")");
  Check(at != text.npos && text.substr(at + 10, 21).find('"') != text.npos, "a frame without an offset");
  if (std::strtoull(text.data() + at + 10, nullptr, 10) != seat.offset + 1) {
    Fail(absl::StrCat("behind offset ", seat.offset, " came ", text));
  }
  ++seat.offset;
  if (!absl::StartsWith(text, R"({"event":)")) return;
  if (!absl::StrContains(text, absl::StrCat(R"("data":")", seat.events, "\""))) {
    Fail(absl::StrCat("behind event ", seat.events, " came ", text));
  }
  if (++seat.events == emitted_) ++done_;
}

}  // namespace atrium::bench
