#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/bench/child_process.h"
#include "tests/bench/client.h"
#include "tests/bench/loop.h"

namespace atrium::bench {

// Clients in untyped rooms that lose their connections all at once, and come back all at once. Each checks that every
// frame of its room has the next offset, and every event the next number. Over WebSocket in JSON. One thread.
class Returning final : public Client::Events {
 public:
  // `clients` of them, `members` to a room.
  Returning(Loop& loop, int clients, int members);

  // All connect to `server` at once and join. Those that have been in their rooms before say what they have of them,
  // and learn that a server that has started since knows nothing of it. Until the last has its state.
  void Join(const ChildProcess& server);
  // Cuts all connections.
  void Cut();
  // A service emits into each room.
  void Emit(const ChildProcess& server, int events);
  // All connect at once and go on with their sessions. Until the last has all events that it missed.
  void Resume(const ChildProcess& server);
  // Until nothing has come for a while; then checks that all have the same of their room.
  void WaitForQuiet();

  int count() const { return static_cast<int>(seats_.size()); }

 private:
  struct Seat {
    std::unique_ptr<Client> client;
    std::string resume_token;
    std::string epoch;
    uint64_t offset = 0;
    int events = 0;  // that it has
  };

  void OnOpen(Client& client) override;
  void OnText(Client& client, absl::string_view text) override;
  void OnClosed(Client& client) override;
  void OnWelcome(Client& client, absl::string_view text);
  void OnJoined(Seat& seat, absl::string_view text);
  void OnFrame(Seat& seat, absl::string_view text);
  void Connect(const ChildProcess& server, bool resume);
  std::string RoomOf(int client) const;
  std::string PositionOf(const Seat& seat) const;

  Loop& loop_;
  const int members_;
  std::vector<Seat> seats_;
  bool resume_ = false;
  int emitted_ = 0;  // into each room
  int done_ = 0;     // clients
  absl::Time last_text_;
};

}  // namespace atrium::bench
