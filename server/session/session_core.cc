#include "server/session/session_core.h"

#include "server/session/connection.h"

namespace atrium {

bool SessionClient::IsSameAs(const Caller& caller) const {
  const ClientIdentity* const other = caller.client();
  if (identity == nullptr || other == nullptr) return identity.get() == other && user_id == caller.user_id();
  return identity->subject == other->subject && identity->issuer == other->issuer;
}

SessionCore::SessionCore(SessionEnv& env, SessionKey key, std::string id, SessionClient who)
    : env_(env),
      key_(key),
      caller_(
          Caller::Client({.session_id = std::move(id), .user_id = std::move(who.user_id)}, std::move(who.identity))),
      seats_(caller_.session_id()) {}

MemberIdentity SessionCore::Identity() const {
  return {.id = id(),
          .user_id = user_id(),
          .address = address_,
          .info = caller_.client() == nullptr ? json::object() : caller_.client()->info,
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

bool SessionCore::MayBeIn(const std::string& room_id) const {
  return caller_.client() == nullptr || env_.api.authorizer().Authorize(caller_, Verb::kJoin, room_id).ok();
}

void SessionCore::Send(const FramePtr& frame) const {
  if (connection_ != nullptr) connection_->Send(frame);
}

void SessionCore::CatchUp() const {
  env_.shard.slices().CatchUp({key_});
  for (const Seats::Component& component : seats_.components()) env_.shard.slices().CatchUp({component.key});
}

}  // namespace atrium
