#pragma once

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/random/distributions.h"
#include "absl/strings/match.h"
#include "absl/time/time.h"
#include "tests/live/client_model.h"
#include "tests/live/room_model.h"
#include "tests/support/scripted_room.h"

namespace atrium::testing {

// What happens to some rooms, clients and services at random, and whether it may: each is held against a plain model.
// All is drawn from the seed: what the rooms' options are, who asks for what, what each hook does, and at each point
// which of the things that may happen next does.
class Schedule {
 public:
  explicit Schedule(uint64_t seed);
  ~Schedule() { script_.witness = nullptr; }

  // Returns what went wrong; empty if nothing did.
  const std::vector<std::string>& Run();

  std::string history() const;

 private:
  int Below(int n) { return absl::Uniform(random_, 0, n); }
  bool Chance(int percent) { return Below(100) < percent; }
  template <typename T>
  const T& Any(const std::vector<T>& all) {
    return all[Below(static_cast<int>(all.size()))];
  }

  static bool IsTyped(const std::string& room) { return !absl::StartsWith(room, "plain-"); }

  void Note(const std::string& what);
  void Complain(const std::string& what);

  Script& Prepare();
  // A room id that lives on the shard of that number, whatever the hash of this process.
  std::string IdOn(const std::string& prefix, int number);
  // What a hook does.
  Plan Decide(const std::string& hook);

  // Each draws what is asked, of whom and how.
  void Connect();
  void Resume(Client& client);
  void Asked(const std::string& what, AnswerPtr answer);
  void Operate();
  void Leave(Client& client, const std::string& room);
  // Joins or leaves, whatever is under way. True if it is to be in the room.
  bool SayAWord(Client& client, const std::string& room);
  void ComeOrGo(Client& client);
  void Emit(Client& client, const std::string& room);
  void Change(Client& client, const std::string& room);
  // Lets a hook that waits go on; false if none does.
  bool OpenAGate();
  void Pass(absl::Duration duration);

  // Until nothing moves but by time.
  void Drain();
  // Lets everything happen that time brings within `duration`.
  void PassAndDrain(absl::Duration duration);

  void CheckAll();
  void CheckAnswers();
  // The rooms, their members and what these know: no ghost, no orphan, no difference. Returns the rooms' offsets.
  std::map<std::string, uint64_t> CheckRooms();
  void CheckMembership(const std::string& room, const Client& client, std::set<std::string>& members);
  // Of what a client asks of a room that nobody else has a say in, the last word wins.
  void CheckTheLastWords();
  // When all have gone, rooms stay as long as they want to, and no longer.
  void CheckTheEnd();

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

}  // namespace atrium::testing
