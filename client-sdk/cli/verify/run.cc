#include "client-sdk/cli/verify/run.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client-sdk/cli/format.h"
#include "client-sdk/cli/json.h"
#include "client-sdk/cli/verify/crowd.h"
#include "client-sdk/cli/verify/frame.h"
#include "client-sdk/cli/verify/watcher.h"
#include "client-sdk/cli/verify/worker.h"

namespace atrium::verify {
namespace {

constexpr char kWatcher[] = "watcher of ";
constexpr int kMostSeats = 500;

// One run: the rooms, those who watch them, and those who use them.
class Trial {
 public:
  Trial(cli::Rpc& rpc, const Settings& settings)
      : rpc_(rpc),
        settings_(settings),
        name_(absl::StrFormat("verify-%x-%x", settings.seed & 0xffffffff, absl::ToUnixMillis(absl::Now()))),
        asker_(recorder_.AddClient("verify")) {}

  absl::Status ChooseRooms();
  void Drive(const std::function<bool()>& stopped, const std::function<void(const std::string&)>& progress);
  Result Judge();

 private:
  void ReadHistory(const TestRoom& room);
  void MarkEnd(const TestRoom& room, Watcher& watcher);
  // Asks until the server is there, within its patience.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Insist(grpc::Status (v1::RoomService::Stub::*method)(grpc::ClientContext*, const Request&,
                                                                                Response*),
                                  const Request& request) {
    const absl::Time deadline = absl::Now() + settings_.patience();
    absl::StatusOr<Response> response = rpc_.Ask(method, request);
    while (!response.ok() && InDoubt(response.status()) && absl::Now() < deadline) {
      absl::SleepFor(absl::Milliseconds(50));
      response = rpc_.Ask(method, request);
    }
    return response;
  }

  cli::Rpc& rpc_;
  const Settings& settings_;
  const std::string name_;
  Recorder recorder_;
  const int asker_;
  std::vector<TestRoom> rooms_;
  // The chat that the crowd is for has so many seats; 0 if there is none.
  int seats_ = 0;
  std::vector<std::unique_ptr<Watcher>> watchers_;
};

absl::Status Trial::ChooseRooms() {
  const auto types = rpc_.Ask(&v1::RoomService::Stub::ListRoomTypes, v1::ListRoomTypesRequest());
  if (!types.ok()) return types.status();
  std::vector<std::pair<std::string, TestRoom::Kind>> typed;
  for (const v1::RoomType& type : types->room_types()) {
    if (type.name() == "chat") {
      typed.emplace_back("chat:", TestRoom::Kind::kChat);
      if (type.max_members() <= kMostSeats) seats_ = type.max_members();
    }
    if (type.name() == "counter" && !settings_.durable) typed.emplace_back("counter:", TestRoom::Kind::kCounter);
  }
  if (settings_.durable && typed.empty()) {
    return absl::FailedPreconditionError("--durable needs a server with the room type chat");
  }
  // Every other room has a type.
  for (int i = 0; i < settings_.rooms; ++i) {
    TestRoom room{.id = absl::StrCat(name_, "-", i)};
    if (i % 2 == 1 && !typed.empty()) {
      const auto& [prefix, kind] = typed[static_cast<size_t>(i / 2) % typed.size()];
      room = {absl::StrCat(prefix, room.id), kind};
    }
    rooms_.push_back(std::move(room));
  }
  return absl::OkStatus();
}

void Trial::Drive(const std::function<bool()>& stopped, const std::function<void(const std::string&)>& progress) {
  const std::string crowded = absl::StrCat("chat:", name_, "-crowd");
  std::vector<TestRoom> watched = rooms_;
  if (seats_ > 0) watched.push_back({crowded, TestRoom::Kind::kChat});
  for (const TestRoom& room : watched) {
    watchers_.push_back(std::make_unique<Watcher>(rpc_, recorder_, settings_, room.id));
  }
  for (const auto& watcher : watchers_) watcher->WaitFor({});

  const absl::Time start = absl::Now();
  const auto over = [&stopped, deadline = start + settings_.duration] { return stopped() || absl::Now() >= deadline; };
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<Client*> all;
  for (int i = 0; i < settings_.clients; ++i) {
    clients.push_back(std::make_unique<Client>(rpc_, recorder_, settings_, absl::StrCat("client", i)));
    all.push_back(clients.back().get());
  }
  std::atomic<int> working = settings_.clients;
  std::vector<std::thread> threads;
  for (size_t i = 0; i < clients.size(); ++i) {
    threads.emplace_back([&, i] {
      Worker(rpc_, recorder_, settings_, rooms_, *clients[i], all, settings_.seed * 1'000'003 + i).Run(over);
      --working;
    });
  }
  std::unique_ptr<Crowd> crowd;
  if (seats_ > 0) crowd = std::make_unique<Crowd>(rpc_, recorder_, settings_, crowded, seats_, over);
  for (absl::Time told = start; working > 0;) {
    absl::SleepFor(absl::Milliseconds(50));
    if (absl::Now() - told < absl::Seconds(2)) continue;
    told = absl::Now();
    progress(absl::StrFormat("%4d s  %d calls, %d records", absl::ToInt64Seconds(told - start), recorder_.calls(),
                             recorder_.records()));
  }
  for (std::thread& thread : threads) thread.join();
  crowd.reset();
  clients.clear();
  for (size_t i = 0; i < watched.size(); ++i) {
    MarkEnd(watched[i], *watchers_[i]);
    ReadHistory(watched[i]);
  }
  watchers_.clear();
}

// Emits a last event, which all who watch must see.
void Trial::MarkEnd(const TestRoom& room, Watcher& watcher) {
  v1::EmitRequest request;
  request.set_room_id(room.id);
  request.set_event("verify:end");
  const auto emitted = Insist(&v1::RoomService::Stub::Emit, request);
  if (!emitted.ok()) return recorder_.Fail(std::string(emitted.status().message()));
  if (emitted->has_position()) watcher.WaitFor({emitted->position().epoch(), emitted->position().offset()});
}

// Records what the room itself says of its past, and of its present.
void Trial::ReadHistory(const TestRoom& room) {
  v1::GetHistoryRequest request;
  request.set_room_id(room.id);
  request.set_page_size(1000);
  std::vector<v1::ServerFrame> frames;
  v1::Position position;
  do {
    const auto page = Insist(&v1::RoomService::Stub::GetHistory, request);
    if (absl::IsNotFound(page.status())) return;
    if (!page.ok()) return recorder_.Fail(std::string(page.status().message()));
    frames.insert(frames.end(), page->frames().begin(), page->frames().end());
    request.set_page_token(page->next_page_token());
    position = page->position();
  } while (!request.page_token().empty());
  const int reader = recorder_.AddClient("history of " + room.id);
  const uint64_t from = frames.empty() ? position.offset() : cli::OffsetOf(frames.front()) - 1;
  recorder_.Add(reader, Entered{.room = room.id, .position = {position.epoch(), from}});
  for (const v1::ServerFrame& frame : frames) recorder_.AddFrame(reader, frame);
  recorder_.Add(reader, Knows{.room = room.id, .position = {position.epoch(), position.offset()}, .last = true});

  v1::GetStateRequest ask;
  ask.set_room_id(room.id);
  const auto state = Insist(&v1::RoomService::Stub::GetState, ask);
  if (!state.ok()) return;
  recorder_.Add(asker_, Knows{.room = room.id,
                              .position = {state->position().epoch(), state->position().offset()},
                              .state = cli::FromProto(state->state())});
}

Result Trial::Judge() {
  Result result;
  result.failure = recorder_.failure();
  result.history = recorder_.Take();
  History& history = result.history;
  history.crashes = settings_.crashes;
  for (const TestRoom& room : rooms_) {
    if (settings_.durable && room.kind == TestRoom::Kind::kChat) history.durable_rooms.insert(room.id);
  }
  std::map<int, int> losses;
  for (const Record& record : history.records) {
    const bool watcher = absl::StartsWith(history.clients[static_cast<size_t>(record.client)], kWatcher);
    if (watcher && std::holds_alternative<LostConnection>(record.what)) ++losses[record.client];
  }
  for (const auto& [client, count] : losses) result.crashes = std::max(result.crashes, count);
  result.verdict = Check(history);
  return result;
}

}  // namespace

absl::StatusOr<Result> Run(cli::Rpc& rpc, const Settings& settings, const std::function<bool()>& stopped,
                           const std::function<void(const std::string&)>& progress) {
  Trial trial(rpc, settings);
  if (absl::Status status = trial.ChooseRooms(); !status.ok()) return status;
  trial.Drive(stopped, progress);
  return trial.Judge();
}

}  // namespace atrium::verify
