// Random schedules of rooms, sessions and services, against a plain model of each.
//
// A schedule is drawn from its seed: what the rooms' options are, who asks for what, what each hook does, and at each
// point which of the things that may happen next does. On a failure the seed and what happened are printed.
//
//   ATRIUM_SCHEDULE_SEED=4711  runs that one
//   ATRIUM_SCHEDULES=1000000   runs so many; the default is 10,000, under a sanitizer 1,000
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "absl/random/bit_gen_ref.h"
#include "absl/random/distributions.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tests/live/client_model.h"
#include "tests/live/room_model.h"
#include "tests/support/scripted_room.h"

namespace atrium::testing {
namespace {

class Schedule {
 public:
  explicit Schedule(uint64_t seed) : random_(seed), world_(Prepare(), {.shards = 1 + Below(3)}) {
    script_.decide = [this](const std::string& hook) { return Decide(hook); };
    script_.witness = &model_;
    Note(absl::StrCat("rooms of ", script_.options.max_members, ", hooks within ",
                      absl::FormatDuration(script_.options.hook_deadline), ", empty for ",
                      absl::FormatDuration(*script_.options.empty_ttl)));
    const int rooms = 1 + Below(2);
    for (int i = 0; i < rooms; ++i) rooms_.push_back(IdOn(Chance(80) ? "scripted:" : "plain-", i));
    const int clients = 2 + Below(4);
    for (int i = 0; i < clients; ++i) Connect();
  }
  ~Schedule() { script_.witness = nullptr; }

  // Returns what went wrong; empty if nothing did.
  const std::vector<std::string>& Run() {
    const int operations = 10 + Below(30);
    for (int i = 0; i < operations && complaints_.empty(); ++i) {
      Operate();
      for (int steps = Below(8); steps > 0; --steps) world_.shards().Step(random_);
    }
    Drain();
    for (Client* client : clients_) {
      if (client->lost()) Resume(*client);
    }
    Drain();
    if (complaints_.empty()) CheckAll();
    if (complaints_.empty()) CheckTheEnd();
    return complaints_;
  }

  std::string history() const { return absl::StrJoin(history_, "\n"); }

 private:
  int Below(int n) { return absl::Uniform(random_, 0, n); }
  bool Chance(int percent) { return Below(100) < percent; }
  template <typename T>
  const T& Any(const std::vector<T>& all) {
    return all[Below(static_cast<int>(all.size()))];
  }

  void Note(const std::string& what) {
    history_.push_back(absl::StrFormat("%8.3f  %s", absl::ToDoubleSeconds(world_.shards().now() - start_), what));
  }
  void Complain(const std::string& what) {
    Note("WRONG: " + what);
    complaints_.push_back(what);
  }

  Script& Prepare() {
    script_.options.max_members = Below(4);
    script_.options.empty_ttl = absl::Seconds(Any<int>({0, 1, 10, 60}));
    script_.options.hook_deadline = absl::Seconds(Any<int>({0, 2, 5}));
    return script_;
  }

  // A room id that lives on the shard of that number, whatever the hash of this process.
  std::string IdOn(const std::string& prefix, int number) {
    const int wanted = number % static_cast<int>(world_.manager().shards().size());
    for (int i = 0;; ++i) {
      const std::string id = absl::StrCat(prefix, number, ".", i);
      int shard = -1;
      world_.With(id, [&](Room*) { shard = world_.shards().current(); });
      if (shard == wanted) return id;
    }
  }

  // ---- What hooks do

  Plan Decide(const std::string& hook) {
    Plan plan;
    const bool waits = hook == "create" || hook == "join" || hook == "destroy";
    for (int steps = Below(waits ? 4 : 2); steps > 0; --steps) {
      plan.steps.push_back(
          Any<Do>({Do::kChange, Do::kEmit, waits ? Do::kWait : Do::kChange, hook == "timer" ? Do::kEmit : Do::kTimer}));
    }
    plan.deaf = Chance(30);
    if (Chance(hook == "join" ? 30 : 15)) {
      if (Chance(50)) plan.steps.push_back(Do::kHalfChange);
      if (Chance(50) || hook == "leave") {
        plan.steps.push_back(Do::kThrow);
      } else {
        plan.verdict = absl::PermissionDeniedError("not now");
      }
    }
    if (hook == "destroy" && keep_ != kAsItComes) {
      plan = {.verdict = keep_ == kAlways ? absl::FailedPreconditionError("stay") : absl::OkStatus()};
    }
    Note(absl::StrCat("      does ",
                      absl::StrJoin(plan.steps, ",",
                                    [](std::string* out, Do what) {
                                      constexpr const char* kNames[] = {"change", "emit", "wait",
                                                                        "timer",  "half", "throw"};
                                      out->append(kNames[static_cast<int>(what)]);
                                    }),
                      plan.deaf ? " deaf" : "", plan.verdict.ok() ? "" : " no"));
    return plan;
  }

  // ---- What is asked

  void Connect() {
    clients_.push_back(&world_.Connect(absl::StrCat("c", clients_.size())));
    Client& client = *clients_.back();
    models_[&client] = std::make_unique<ClientModel>(client, shared_);
    client.on_too_late = [this, &client] {
      Note(client.name() + " comes back too late");
      models_[&client]->Disconnected();
    };
  }

  static bool AwaitsALeave(const Client& client) {
    for (size_t i = 0; i < client.answers().size(); ++i) {
      if (client.answers()[i]->times == 0 && client.Sent(static_cast<uint32_t>(i + 1)).has_leave()) return true;
    }
    return false;
  }

  void Resume(Client& client) {
    const int shard = Below(static_cast<int>(world_.manager().shards().size()));
    // Who does not say what it has is not told that a leave went through whose reply is lost.
    const bool known = Chance(50) || AwaitsALeave(client);
    Note(absl::StrCat("resume ", client.name(), " on shard ", shard, known ? ", says what it has" : ""));
    client.BeginResume(shard, known ? models_[&client]->Known() : std::vector<v1::RoomPosition>());
  }

  void Asked(const std::string& what, AnswerPtr answer) {
    Note(what);
    asked_.push_back({what, std::move(answer)});
  }

  void Operate() {
    Client& client = *Any(clients_);
    const std::string& room = Any(rooms_);
    const std::string who = client.name() + " in " + room;
    const int what = Below(100);
    if (what < 30) {
      if (!client.connected() && Chance(70)) return;
      if (Chance(30) || absl::StartsWith(room, "scripted:")) {
        return Asked("bring " + who, world_.BeginJoin(room, client));
      }
      Note("join " + who);
      client.BeginJoin(room);
    } else if (what < 40) {
      Note("leave " + who);
      v1::ClientFrame frame;
      frame.mutable_leave()->set_room_id(room);
      client.Begin(std::move(frame));
    } else if (what < 44) {
      Asked("kick " + who, world_.BeginKick(room, client));
    } else if (what < 54) {
      if (client.lost()) return Resume(client);
      if (!client.connected()) return Connect();
      if (Chance(60)) {
        Note("lose " + client.name());
        return client.BeginLose();
      }
      Note("disconnect " + client.name());
      models_[&client]->Disconnected();
      client.BeginDisconnect();
    } else if (what < 66) {
      Emit(client, room);
    } else if (what < 72) {
      Change(client, room);
    } else if (what < 75) {
      Asked("destroy " + room, world_.BeginDestroy(room));
    } else if (what < 77) {
      Asked("lock " + room, world_.BeginLock(room, Chance(30)));
    } else if (what < 88) {
      OpenAGate();
    } else {
      Pass(Any<absl::Duration>({absl::ZeroDuration(), absl::Seconds(1), absl::Seconds(3), absl::Minutes(1)}));
    }
  }

  void Emit(Client& client, const std::string& room) {
    if (Chance(50)) {
      Note(absl::StrCat("emit of ", client.name(), " in ", room));
      v1::ClientFrame frame;
      frame.mutable_emit()->set_room_id(room);
      frame.mutable_emit()->set_event("typing");
      *frame.mutable_emit()->mutable_data() = ToProtoValue(json::object());
      client.Begin(std::move(frame));
      return;
    }
    EmitOptions options;
    if (Chance(30)) options.exclude = {Any(clients_)->id(), Any(clients_)->id()};
    if (Chance(30)) options.to = {Any(clients_)->id(), Any(clients_)->id()};
    options.is_volatile = Chance(20);
    const AnswerPtr answer = world_.BeginEmit(room, "news", options);
    Asked("emit in " + room, answer);
    if (!options.is_volatile) emitted_.push_back({answer, options});
  }

  void Change(Client& client, const std::string& room) {
    if (!absl::StartsWith(room, "scripted:")) {
      Note(absl::StrCat("set state of ", client.name(), " in ", room));
      v1::ClientFrame frame;
      frame.mutable_set_state()->set_room_id(room);
      json::object merge;
      merge[Chance(50) ? "a" : "b"] = Chance(20) ? json::value() : json::value{{"x", Below(3)}};
      *frame.mutable_set_state()->mutable_state() = ToProtoValue(merge);
      client.Begin(std::move(frame));
      return;
    }
    const std::string args = Any<std::string>({"{}", "{}", R"({"fail":"error"})", R"({"fail":"throw"})"});
    if (Chance(50)) return Asked("call in " + room, world_.BeginCall(room, "change", args));
    Note(absl::StrCat("call of ", client.name(), " in ", room));
    v1::ClientFrame frame;
    frame.mutable_call()->set_room_id(room);
    frame.mutable_call()->set_method("change");
    *frame.mutable_call()->mutable_args() = ToProtoValue(*ParseJson(args));
    client.Begin(std::move(frame));
  }

  bool OpenAGate() {
    std::vector<std::string> hooks;
    for (const auto& [hook, gate] : script_.gates) {
      if (gate.waiting() > 0) hooks.push_back(hook);
    }
    if (hooks.empty()) return false;
    const std::string hook = Any(hooks);
    Note("    a " + hook + " may go on");
    Gate& gate = script_.gates[hook];
    const int place = Below(static_cast<int>(gate.waiting()));
    world_.shards().RunElsewhere([&] { gate.OpenOne(place); });
    return true;
  }

  void Pass(absl::Duration duration) {
    Note(absl::StrCat("time passes: ", absl::FormatDuration(duration)));
    world_.shards().Pass(duration);
  }

  // ---- What must be

  // Until nothing moves but by time.
  void Drain() {
    while (complaints_.empty() && (world_.shards().Step(random_) || OpenAGate())) {
    }
  }

  // Lets everything happen that time brings within `duration`.
  void PassAndDrain(absl::Duration duration) {
    const absl::Time end = world_.shards().now() + duration;
    Drain();
    while (complaints_.empty() && world_.shards().NextTimer().value_or(absl::InfiniteFuture()) <= end) {
      Pass(*world_.shards().NextTimer() - world_.shards().now());
      Drain();
    }
    Pass(end - world_.shards().now());
  }

  void CheckAll() {
    CheckAnswers();
    const std::map<std::string, uint64_t> offsets = CheckRooms();
    for (const auto& [answer, options] : emitted_) {
      if (!answer->status.ok() || !answer->reply.emit().has_position()) continue;
      const v1::Position& position = answer->reply.emit().position();
      SharedHistory::Address& address = shared_.addresses[{position.epoch(), position.offset()}];
      address.not_for = {options.exclude.begin(), options.exclude.end()};
      address.only_for = {options.to.begin(), options.to.end()};
    }
    if (!complaints_.empty()) return;
    for (const auto& [client, model] : models_) model->CheckGaps(offsets);
  }

  void CheckAnswers() {
    for (const auto& [what, answer] : asked_) {
      if (answer->times != 1) Complain(absl::StrCat(what, " was answered ", answer->times, " times"));
    }
    for (const Client* client : clients_) {
      for (size_t i = 1; i < client->answers().size(); ++i) {
        const Answer& answer = *client->answers()[i];
        const bool hello = client->Sent(static_cast<uint32_t>(i + 1)).has_hello();
        if (answer.times == 0 && (!client->connected() || i < client->lost_requests() || hello)) continue;
        if (answer.times == 1) continue;
        Complain(absl::StrCat(client->name(), " was answered ", answer.times,
                              " times: ", client->Sent(static_cast<uint32_t>(i + 1)).ShortDebugString()));
      }
    }
  }

  // The rooms, their members and what these know: no ghost, no orphan, no difference. Returns the rooms' offsets.
  std::map<std::string, uint64_t> CheckRooms() {
    std::map<std::string, uint64_t> offsets;
    size_t found = 0, scripted = 0;
    for (const std::string& id : rooms_) {
      std::set<std::string> members;
      bool answered = false;
      const auto look = [&](absl::StatusOr<Room*> looked_at) {
        Room* const room = *looked_at;
        answered = true;
        if (room == nullptr) return;
        ++found;
        scripted += room->type() != nullptr;
        offsets[id] = room->position().offset();
        shared_.SawState({room->position().epoch(), room->position().offset()}, id, room->state().ToJsonValue());
        for (const auto& [member, unused] : room->members()) members.insert(member);
      };
      world_.manager().Find(id, look);
      Drain();
      if (!answered) Complain(id + " is not to be reached any more");
      for (const Client* client : clients_) CheckMembership(id, *client, members);
      for (const std::string& ghost : members) Complain(absl::StrCat(id, " has the ghost ", ghost));
    }
    if (world_.manager().room_count() != static_cast<int64_t>(found)) Complain("there are rooms that nobody can find");
    if (model_.lives().size() != scripted) Complain("there are typed rooms that nobody can find");
    return offsets;
  }

  void CheckMembership(const std::string& room, const Client& client, std::set<std::string>& members) {
    const bool is = members.erase(client.id()) > 0;
    const auto& known = models_[&client]->rooms();
    const auto it = known.find(room);
    if (is != (it != known.end())) {
      Complain(absl::StrCat(client.name(), is ? " is" : " is not", " in ", room, " and knows otherwise"));
    }
    if (is && !client.connected()) Complain(absl::StrCat(client.name(), " has gone, and is in ", room));
  }

  // When all have gone, rooms stay as long as they want to, and no longer.
  void CheckTheEnd() {
    const size_t before = model_.lives().size();
    Note("all disconnect; rooms stay");
    keep_ = kAlways;
    for (Client* client : clients_) {
      if (client->connected()) models_[client]->Disconnected();
      client->BeginDisconnect();
    }
    PassAndDrain(absl::Minutes(6));
    if (model_.lives().size() != before) Complain("a room has gone that wanted to stay");
    for (const auto& [number, life] : model_.lives()) {
      if (!life.members.empty()) Complain("a room of nobody has members");
    }
    Note("rooms may go");
    keep_ = kNever;
    PassAndDrain(absl::Minutes(6));
    if (world_.manager().room_count() != 0 || !model_.lives().empty()) Complain("a room is still there");
    CheckAnswers();
  }

  // One that is the same everywhere.
  std::mt19937_64 random_;
  std::vector<std::string> history_, complaints_;
  Script script_;
  ScriptedWorld world_;
  const absl::Time start_ = world_.shards().now();
  SharedHistory shared_{[this](const std::string& what) { Complain(what); }};
  RoomModel model_{script_.options, [this] { return world_.shards().now(); },
                   [this](const std::string& what) { Note(what); },
                   [this](const std::string& what) { Complain(what); }};
  std::vector<std::string> rooms_;
  std::vector<Client*> clients_;
  std::map<const Client*, std::unique_ptr<ClientModel>> models_;
  std::vector<std::pair<std::string, AnswerPtr>> asked_;
  std::vector<std::pair<AnswerPtr, EmitOptions>> emitted_;
  enum { kAsItComes, kAlways, kNever } keep_ = kAsItComes;
};

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  if (text == nullptr) return otherwise;
  uint64_t number = 0;
  EXPECT_TRUE(absl::SimpleAtoi(text, &number)) << name << " must be a number";
  return number;
}

// Of the schedule that runs: one that crashes tells it too.
volatile uint64_t running_seed = 0;

void TellTheSeed(int signal) {
  char text[64];
  const int size = std::snprintf(text, sizeof text, "\nATRIUM_SCHEDULE_SEED=%llu\n", (unsigned long long)running_seed);
  if (write(STDERR_FILENO, text, static_cast<size_t>(size)) < 0) std::_Exit(1);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

TEST(SchedulesTest, RandomSchedulesKeepWhatRoomsPromise) {
  const bool one = std::getenv("ATRIUM_SCHEDULE_SEED") != nullptr;
  const uint64_t first = FromEnvironment("ATRIUM_SCHEDULE_SEED", 1);
  const uint64_t count = one ? 1 : FromEnvironment("ATRIUM_SCHEDULES", ATRIUM_SCHEDULES);
  for (const int signal : {SIGSEGV, SIGABRT}) std::signal(signal, TellTheSeed);
  for (uint64_t seed = first; seed < first + count; ++seed) {
    running_seed = seed;
    Schedule schedule(seed);
    const std::vector<std::string>& complaints = schedule.Run();
    ASSERT_TRUE(complaints.empty() && !::testing::Test::HasFailure())
        << "ATRIUM_SCHEDULE_SEED=" << seed << " (after " << seed - first + 1 << " schedules)\n"
        << absl::StrJoin(complaints, "\n") << "\n\n"
        << schedule.history();
  }
}

}  // namespace
}  // namespace atrium::testing
