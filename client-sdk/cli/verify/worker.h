#pragma once

#include <functional>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "client-sdk/cli/verify/client.h"

namespace atrium::verify {

struct TestRoom {
  enum class Kind { kUntyped, kChat, kCounter };
  std::string id;
  Kind kind = Kind::kUntyped;
};

// Drives one client through what clients do, on a thread of its own. What it decides comes from its seed alone.
class Worker {
 public:
  // `all` has this client too.
  Worker(cli::Rpc& rpc, Recorder& recorder, const Settings& settings, const std::vector<TestRoom>& rooms,
         Client& client, const std::vector<Client*>& all, uint64_t seed);

  // Runs until `stopped`, or until the server is away for good. Then it has seen all that is for it, and ends its
  // session.
  void Run(const std::function<bool()>& stopped);

 private:
  // Says how a write with a key is repeated.
  enum class Repeat { kNever, kIfInDoubt, kAfterwards, kAtOnce };
  // What one step does; each takes the same number of numbers from the seed.
  struct Step {
    int action = 0;  // percent
    const TestRoom* room = nullptr;
    Client* other = nullptr;
    int variant = 0;  // percent
    Repeat repeat = Repeat::kNever;
  };
  // A request under way, by a service or as a member.
  struct Write {
    int number = 0;
    Call call;
    v1::ClientFrame frame;
    bool as_member = false;
  };

  Step Draw();
  void Take(const Step& step);
  void Emit(const Step& step, bool as_member);
  void SetState(const Step& step, bool as_member);
  void SetStateOnCondition(const Step& step);
  void CallMethod(const Step& step);
  void GetState(const TestRoom& room);
  void LeaveOrJoin(const TestRoom& room);
  bool Enter(const TestRoom& room);

  Write NewWrite(Call::Kind kind, const Step& step, bool as_member);
  void Do(Write write, Repeat repeat);
  void RepeatLast();
  // Returns false if nobody knows whether it was done.
  bool Attempt(const Write& write);
  uint32_t Begin(const Write& write);
  bool Finish(const Write& write, const absl::StatusOr<v1::Reply>& reply);
  absl::StatusOr<v1::Reply> AskAsService(const Write& write);

  cli::Rpc& rpc_;
  Recorder& recorder_;
  const Settings& settings_;
  const std::vector<TestRoom>& rooms_;
  Client& client_;
  const std::vector<Client*>& all_;
  std::mt19937_64 random_;
  int writes_ = 0;
  // The last write with a key is asked for again over the next connection.
  std::optional<Write> last_;
  int connection_ = 0;
};

}  // namespace atrium::verify
