#include "tests/live/schedule.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace atrium::testing {
namespace {

std::string NameOf(Do what) {
  constexpr const char* kNames[] = {"change", "emit", "wait", "timer", "half", "throw"};
  return kNames[static_cast<int>(what)];
}

bool AwaitsALeave(const Client& client) {
  for (size_t i = 0; i < client.answers().size(); ++i) {
    if (client.answers()[i]->times == 0 && client.Sent(static_cast<uint32_t>(i + 1)).has_leave()) return true;
  }
  return false;
}

}  // namespace

Schedule::Schedule(uint64_t seed) : random_(seed), world_(Prepare(), {.shards = 1 + Below(3)}) {
  script_.decide = [this](const std::string& hook) { return Decide(hook); };
  script_.witness = &model_;
  Note(absl::StrCat("rooms of ", script_.options.max_members, ", hooks within ",
                    absl::FormatDuration(script_.options.hook_deadline), ", empty for ",
                    absl::FormatDuration(*script_.options.empty_ttl)));
  const int rooms = 1 + Below(2);
  for (int i = 0; i < rooms; ++i)
    rooms_.push_back(IdOn(Any<std::string>({"scripted:", "scripted:", "waiting:", "waiting:", "plain-"}), i));
  const int clients = 2 + Below(4);
  for (int i = 0; i < clients; ++i) Connect();
}

const std::vector<std::string>& Schedule::Run() {
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
  if (complaints_.empty()) CheckTheLastWords();
  if (complaints_.empty()) CheckTheEnd();
  return complaints_;
}

std::string Schedule::history() const { return absl::StrJoin(history_, "\n"); }

void Schedule::Note(const std::string& what) {
  history_.push_back(absl::StrFormat("%8.3f  %s", absl::ToDoubleSeconds(world_.shards().now() - start_), what));
}

void Schedule::Complain(const std::string& what) {
  Note("WRONG: " + what);
  complaints_.push_back(what);
}

Script& Schedule::Prepare() {
  script_.options.max_members = Below(4);
  script_.options.empty_ttl = absl::Seconds(Any<int>({0, 1, 10, 60}));
  script_.options.hook_deadline = absl::Seconds(Any<int>({0, 2, 5}));
  return script_;
}

std::string Schedule::IdOn(const std::string& prefix, int number) {
  const int wanted = number % static_cast<int>(world_.manager().shards().size());
  for (int i = 0;; ++i) {
    std::string id = absl::StrCat(prefix, number, ".", i);
    int shard = -1;
    world_.With(id, [&](Room*) { shard = world_.shards().current(); });
    if (shard == wanted) return id;
  }
}

Plan Schedule::Decide(const std::string& hook) {
  Plan plan;
  const bool waits = hook == "create" || hook == "join" || hook == "destroy" || absl::EndsWith(hook, " async");
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
                    absl::StrJoin(plan.steps, ",", [](std::string* out, Do what) { out->append(NameOf(what)); }),
                    plan.deaf ? " deaf" : "", plan.verdict.ok() ? "" : " no"));
  return plan;
}

void Schedule::Connect() {
  clients_.push_back(&world_.Connect(absl::StrCat("c", clients_.size())));
  Client& client = *clients_.back();
  models_[&client] = std::make_unique<ClientModel>(client, shared_);
  client.on_too_late = [this, &client] {
    Note(client.name() + " comes back too late");
    models_[&client]->Disconnected();
  };
}

void Schedule::Resume(Client& client) {
  const int shard = Below(static_cast<int>(world_.manager().shards().size()));
  // Who does not say what it has is not told that a leave went through whose reply is lost.
  const bool known = Chance(50) || AwaitsALeave(client);
  Note(absl::StrCat("resume ", client.name(), " on shard ", shard, known ? ", says what it has" : ""));
  client.BeginResume(shard, known ? models_[&client]->Known() : std::vector<v1::RoomPosition>());
}

void Schedule::Asked(const std::string& what, AnswerPtr answer) {
  Note(what);
  asked_.push_back({what, std::move(answer)});
}

void Schedule::Operate() {
  Client& client = *Any(clients_);
  const std::string& room = Any(rooms_);
  const std::string who = client.name() + " in " + room;
  const int what = Below(100);
  if (what < 30) {
    if (!client.connected() && Chance(70)) return;
    if (Chance(30) || IsTyped(room)) {
      return Asked("bring " + who, world_.BeginJoin(room, client.id()));
    }
    Note("join " + who);
    client.BeginJoin(room);
  } else if (what < 37) {
    Leave(client, room);
  } else if (what < 40) {
    for (int words = 2 + Below(4); words > 0; --words) SayAWord(client, room);
  } else if (what < 44) {
    Asked("kick " + who, world_.BeginKick(room, client.id()));
  } else if (what < 54) {
    ComeOrGo(client);
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

void Schedule::ComeOrGo(Client& client) {
  if (client.lost()) return Resume(client);
  if (!client.connected()) return Connect();
  if (Chance(60)) {
    Note("lose " + client.name());
    return client.BeginLose();
  }
  Note("disconnect " + client.name());
  models_[&client]->Disconnected();
  client.BeginDisconnect();
}

void Schedule::Leave(Client& client, const std::string& room) {
  Note("leave " + client.name() + " in " + room);
  v1::ClientFrame frame;
  frame.mutable_leave()->set_room_id(room);
  client.Begin(std::move(frame));
}

bool Schedule::SayAWord(Client& client, const std::string& room) {
  const bool join = Chance(50);
  if (!join) {
    Leave(client, room);
  } else if (IsTyped(room)) {
    Asked("bring " + client.name() + " in " + room, world_.BeginJoin(room, client.id()));
  } else {
    Note("join " + client.name() + " in " + room);
    client.BeginJoin(room);
  }
  return join;
}

void Schedule::Emit(Client& client, const std::string& room) {
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

void Schedule::Change(Client& client, const std::string& room) {
  if (!IsTyped(room)) {
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

bool Schedule::OpenAGate() {
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

void Schedule::Pass(absl::Duration duration) {
  Note(absl::StrCat("time passes: ", absl::FormatDuration(duration)));
  world_.shards().Pass(duration);
}

}  // namespace atrium::testing
