#include "server/session/session_core.h"

#include "server/session/connection.h"

namespace atrium {

SessionCore::SessionCore(SessionEnv& env, SessionKey key, std::string id, std::string user_id)
    : env_(env),
      key_(key),
      caller_(Caller::Client({.session_id = std::move(id), .user_id = std::move(user_id)})),
      seats_(caller_.session_id()) {}

MemberIdentity SessionCore::Identity() const {
  return {.id = id(),
          .user_id = user_id(),
          .address = address_,
          .session = key_,
          .site = &env_.site,
          .encoding = encoding_};
}

void SessionCore::Attach(Connection& connection) {
  connection_ = &connection;
  encoding_ = connection.encoding();
  address_ = connection.address();
  ++generation_;
}

void SessionCore::Send(const FramePtr& frame) const {
  if (connection_ != nullptr) connection_->Send(frame);
}

void SessionCore::CatchUp() const {
  env_.shard.slices().CatchUp({key_});
  for (const Seats::Component& component : seats_.components()) env_.shard.slices().CatchUp({component.key});
}

}  // namespace atrium
