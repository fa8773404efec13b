// What must be, at the end of a schedule and when all have gone.
#include "absl/strings/str_cat.h"
#include "tests/live/schedule.h"

namespace atrium::testing {

void Schedule::Drain() {
  while (complaints_.empty() && (world_.shards().Step(random_) || OpenAGate())) {
  }
}

void Schedule::PassAndDrain(absl::Duration duration) {
  const SteadyTime end = world_.shards().steady() + duration;
  Drain();
  while (complaints_.empty() && world_.shards().NextTimer().value_or(SteadyTime::InfiniteFuture()) <= end) {
    Pass(*world_.shards().NextTimer() - world_.shards().steady());
    Drain();
  }
  Pass(end - world_.shards().steady());
}

void Schedule::CheckAll() {
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

void Schedule::CheckAnswers() {
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

std::map<std::string, uint64_t> Schedule::CheckRooms() {
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
      for (const auto& [member, unused] : room->roster().members()) members.insert(member);
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

void Schedule::CheckMembership(const std::string& room, const Client& client, std::set<std::string>& members) {
  const bool is = members.erase(client.id()) > 0;
  const auto& known = models_[&client]->rooms();
  const auto it = known.find(room);
  if (is != (it != known.end())) {
    Complain(absl::StrCat(client.name(), is ? " is" : " is not", " in ", room, " and knows otherwise"));
  }
  if (is && !client.connected()) Complain(absl::StrCat(client.name(), " has gone, and is in ", room));
}

void Schedule::CheckTheLastWords() {
  Note("all rooms are open, and all say what they want");
  for (const std::string& room : rooms_) world_.BeginLock(room, false);
  Drain();
  std::map<std::pair<Client*, std::string>, bool> last;
  for (int words = Below(20); words > 0; --words) {
    Client& client = *Any(clients_);
    const std::string& room = Any(rooms_);
    if (!client.connected()) continue;
    last[{&client, room}] = SayAWord(client, room);
    for (int steps = Below(4); steps > 0; --steps) world_.shards().Step(random_);
  }
  Drain();
  CheckAll();
  for (const auto& [asked, wanted] : last) {
    const auto& [client, room] = asked;
    if (IsTyped(room) || models_[client]->rooms().contains(room) == wanted) continue;
    Complain(absl::StrCat(client->name(), wanted ? " is not" : " is", " in ", room, ", and asked for the contrary"));
  }
}

void Schedule::CheckTheEnd() {
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

}  // namespace atrium::testing
