#include "server/live/rooms/undecided_events.h"

#include <optional>
#include <utility>

#include "server/live/rooms/room_errors.h"

namespace atrium {
namespace {

// So many events of one member may wait behind the one that is being decided on.
constexpr size_t kMostEventsBehind = 64;

}  // namespace

PendingEvent::PendingEvent(Emission emission, EmitDone done)
    : UndecidedEvent(emission.event, std::move(emission.data),
                     emission.sender == nullptr ? std::nullopt : std::make_optional(InfoOf(*emission.sender))),
      options(std::move(emission.options)),
      include_self(emission.include_self),
      done(std::move(done)) {}

absl::StatusOr<bool> UndecidedEvents::Add(const PendingEventPtr& event) {
  Fifo<PendingEventPtr>& events = by_sender_[event->context.sender->id];
  if (events.size() > kMostEventsBehind) return TooManyEventsWait();
  events.push_back(event);
  return events.size() == 1;
}

PendingEventPtr UndecidedEvents::Next(const std::string& sender_id) {
  const auto it = by_sender_.find(sender_id);
  Fifo<PendingEventPtr>& events = it->second;
  events.pop_front();
  if (!events.empty()) return events.front();
  by_sender_.erase(it);
  return nullptr;
}

void UndecidedEvents::TakeBack(Fifo<PendingEventPtr>& events) {
  const Fifo<PendingEventPtr> all = std::exchange(events, {});
  events.push_back(all.front());
  all.front()->taken_back = true;
  for (size_t i = 1; i < all.size(); ++i) all[i]->done(LeftBeforeItsEvent());
}

void UndecidedEvents::TakeBack(const std::string& sender_id) {
  const auto it = by_sender_.find(sender_id);
  if (it != by_sender_.end()) TakeBack(it->second);
}

void UndecidedEvents::TakeBackAll() {
  for (auto& [sender_id, events] : by_sender_) TakeBack(events);
}

}  // namespace atrium
