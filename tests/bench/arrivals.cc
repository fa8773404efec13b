#include "tests/bench/arrivals.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/bench/check.h"
#include "tests/bench/client.h"
#include "tests/bench/rounds.h"

namespace atrium::bench {
namespace {

constexpr absl::Duration kLimit = absl::Seconds(60);
constexpr int kAtOnce = 100;

// Clients that come to one server, a room after the other, and stay.
class Arrivals final : public Client::Events {
 public:
  Arrivals(Loop& loop, uint16_t port, int members) : loop_(loop), port_(port), members_(members) {}

  // Returns when the last member of each room has heard of all who came after it.
  void Come(int count) {
    const int all = static_cast<int>(clients_.size()) + count;
    while (static_cast<int>(clients_.size()) < all) {
      clients_.push_back(std::make_unique<Client>(loop_, *this, port_, Opening::kWebSocket, clients_.size()));
      loop_.RunUntil([&] { return static_cast<int>(clients_.size()) - joined_ < kAtOnce; }, kLimit, "clients to join");
    }
    loop_.RunUntil([&] { return joined_ == all && told_ == all / members_ * TellingsOfRoom(); }, kLimit,
                   "members to hear of each other");
  }

  // What the server has sent to those who came first.
  const DoorTexts& texts() const { return texts_; }

 private:
  // Each member is told of all who come after it.
  int TellingsOfRoom() const { return members_ * (members_ - 1) / 2; }

  void OnOpen(Client& client) override { client.Send(MaskedText(R"({"id":1,"hello":{"client":"bench"}})")); }

  void OnText(Client& client, absl::string_view text) override {
    if (absl::StartsWith(text, R"({"welcome":)")) {
      texts_.welcome = std::string(text);
      client.Send(MaskedText(
          absl::StrCat(R"({"id":2,"join":{"roomId":"bench-arrivals-)", client.group() / members_, R"("}})")));
    } else if (absl::StartsWith(text, R"({"reply":{"id":2,"join":)")) {
      ++joined_;
      if (static_cast<int>(texts_.joined.size()) < members_) Keep(text);
    } else if (absl::StartsWith(text, R"({"member":)")) {
      ++told_;
      texts_.member = std::string(text);
    } else {
      Fail(absl::StrCat("a client got an unexpected frame: ", text));
    }
  }

  void OnClosed(Client&) override { Fail("the server cut a client off"); }

  // Answers to joins grow with the room, whoever is answered first.
  void Keep(absl::string_view text) {
    const auto longer = std::find_if(texts_.joined.begin(), texts_.joined.end(),
                                     [&](const std::string& other) { return other.size() > text.size(); });
    texts_.joined.insert(longer, std::string(text));
  }

  Loop& loop_;
  const uint16_t port_;
  const int members_;
  std::vector<std::unique_ptr<Client>> clients_;
  int joined_ = 0;
  int told_ = 0;
  DoorTexts texts_;
};

// The first room, whose members come one after the other.
DoorTexts LearnTexts(Loop& loop, const ArrivalServers& servers, int members) {
  const std::unique_ptr<ChildProcess> server = servers.atrium();
  Arrivals arrivals(loop, server->Port("http"), members);
  arrivals.Come(members);
  return arrivals.texts();
}

double MicrosecondsEach(Loop& loop, const ChildProcess& server, uint16_t port, const ArrivalOptions& options) {
  Arrivals arrivals(loop, port, options.members);
  arrivals.Come(options.clients / 100 / options.members * options.members);
  const absl::Duration before = server.CpuTime();
  const int count = options.clients / options.members * options.members;
  arrivals.Come(count);
  return absl::ToDoubleMicroseconds(server.CpuTime() - before) / count;
}

}  // namespace

std::vector<Figure> MeasureArrivals(Loop& loop, const ArrivalServers& servers, const ArrivalOptions& options) {
  const DoorTexts texts = LearnTexts(loop, servers, options.members);
  Figure figure(
      absl::StrCat("CPU us to connect, say hello and join, ", options.clients, " in rooms of ", options.members));
  double of_atrium = 0;
  double of_bare = 0;
  Alternate(
      options.rounds,
      [&] {
        const std::unique_ptr<ChildProcess> server = servers.atrium();
        of_atrium = MicrosecondsEach(loop, *server, server->Port("http"), options);
      },
      [&] {
        const std::unique_ptr<ChildProcess> server = servers.bare(texts);
        of_bare = MicrosecondsEach(loop, *server, server->Port("tcp"), options);
      },
      [&] { figure.Add(of_atrium, of_bare); });
  return {std::move(figure)};
}

}  // namespace atrium::bench
