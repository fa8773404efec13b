#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/api/room_api.h"
#include "server/wire/client_request.h"

namespace atrium {

class ComponentHost;
class Gaps;
class Joins;
class SessionCore;

// Answers the requests of one session's client: each goes to a room or component in the name of the member that it
// concerns, and its answer to the connection that it came over. An answer with the state of a room that the queue has
// no room for is asked for again later. Runs on the session's shard.
class ClientRequests {
 public:
  ClientRequests(SessionCore& core, Joins& joins, Gaps& gaps, ComponentHost& components)
      : core_(core), joins_(joins), gaps_(gaps), components_(components) {}

  // Answers a frame of the client, now or when the room has decided.
  void Take(ClientRequest&& request);

  // Whether answers wait for room in the queue.
  bool has_late() const { return late_ != nullptr; }
  // Asks for the next of them, because there is room; unless one is being asked for.
  void AskLate();
  // The connection is lost, and with it whoever waits for them.
  void DropLate() { late_ = nullptr; }

 private:
  // Returns the caller with how it has come into the room.
  Caller Entered(Caller caller, const std::string& room_id) const;
  // Returns as whom one of the session's members asks: that of the id, or whoever is in the room, the session first.
  Caller AsMember(std::string member_id) const;
  Caller AsMemberOf(const std::string& room_id) const;
  // Does so for the member that emits. Returns INVALID_ARGUMENT if that is none of this session, or not clear.
  absl::StatusOr<Caller> AsEmitter(const v1::EmitRequest& request) const;

  void Join(uint32_t id, v1::JoinRequest request);
  void OnJoined(uint32_t id, uint32_t generation, absl::StatusOr<Admission> admission);
  void Leave(uint32_t id, v1::LeaveRequest request);
  // Tells the client that a leave went through which it asked for over a connection that is lost.
  void TellLeave(const std::string& room_id);
  void Emit(uint32_t id, absl::string_view name, WithPayload<v1::EmitRequest> request);
  void GetState(uint32_t id, v1::GetStateRequest request);
  void Call(uint32_t id, absl::string_view name, WithPayload<v1::CallRequest> request);

  // Takes a new token, or closes the connection (3500, or 3006 if that has expired already).
  void Refresh(uint32_t id, const v1::RefreshRequest& request);

  // Whether a request that came over the connection of that generation may be answered: a later one has ids of its own.
  bool MayAnswer(uint32_t generation) const;
  void AnswerError(uint32_t id, const absl::Status& error);
  // Returns what answers the request `id`, whose `name` is for errors.
  template <typename Response>
  Done<Response> AnswerTo(uint32_t id, absl::string_view name, Response* (v1::Reply::*result)());
  // Runs a verb of the API, whose answer comes back through the shard's mailbox, behind the room's frames.
  template <Verb verb, typename Request, typename Response>
  void Ask(uint32_t id, absl::string_view name, const Caller& caller, WithPayload<Request> request,
           Response* (v1::Reply::*result)());

  // Keeps a request, which by now changes nothing, to ask it again, because the queue has no room for an answer with
  // this state. Returns false if there is room.
  bool AnswerLater(v1::ClientFrame request, const Payload& state);
  // The room has decided on a request, which may be the one that AskLate has asked.
  void OnDecided(uint32_t id);

  struct Late {
    std::deque<v1::ClientFrame> requests;
    // This is the id of the one that is being asked; 0 stands for none.
    uint32_t asked = 0;
  };

  SessionCore& core_;
  Joins& joins_;
  Gaps& gaps_;
  ComponentHost& components_;
  // Null while no answer waits.
  std::unique_ptr<Late> late_;
};

}  // namespace atrium
