#pragma once

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/access/client_identity.h"
#include "server/access/service_identity.h"

namespace atrium {

// Who asks, by the server's own knowledge. It is immutable, thread-safe and cheap to copy, because copies share the
// names.
class Caller {
 public:
  enum class Kind {
    kService,    // a trusted backend
    kUser,       // a client that has shown its token and asks without a session
    kClient,     // a session
    kComponent,  // server code of a component: trusted as a service is, and a member perhaps
  };

  // How a client came into the room that it asks something of.
  enum class Entry {
    kNone,     // not at all, as far as its session knows
    kGranted,  // by a grant of its own, which it needs for whatever it does there
    kBrought,  // by server code, which lets it do there what members may
  };

  struct Names {
    // This is the session of the client, or of the client that a component belongs to.
    std::string session_id;
    std::string user_id;
    // A client or component acts as this member. A client may act as its session, for which this is empty, or as a
    // component of that.
    std::string member_id;
  };

  // Without an identity, as with --dev, it may do everything.
  static Caller Service(std::shared_ptr<const ServiceIdentity> identity = nullptr) {
    static const Caller& service = *new Caller(Kind::kService, {});
    if (identity == nullptr) return service;
    Caller caller = service;
    caller.identity_ = std::move(identity);
    return caller;
  }
  static Caller User(std::shared_ptr<const ClientIdentity> identity) {
    Caller caller(Kind::kUser, {.user_id = identity->subject});
    caller.identity_ = std::move(identity);
    return caller;
  }
  // Without an identity, as with --dev, it may do what any client can.
  static Caller Client(Names names, std::shared_ptr<const ClientIdentity> identity = nullptr) {
    Caller caller(Kind::kClient, std::move(names));
    caller.identity_ = std::move(identity);
    return caller;
  }
  static Caller Component(Names names) { return Caller(Kind::kComponent, std::move(names)); }

  Kind kind() const { return kind_; }
  // Whether it is not trusted.
  bool is_client() const { return kind_ == Kind::kClient || kind_ == Kind::kUser; }
  const std::string& session_id() const { return names_->session_id; }
  const std::string& user_id() const { return names_->user_id; }
  const std::string& member_id() const {
    return kind_ == Kind::kClient && names_->member_id.empty() ? names_->session_id : names_->member_id;
  }
  Entry entry() const { return entry_; }
  // Returns the same client, which has come so into the room that it asks something of.
  Caller Entered(Entry entry) const {
    Caller caller = *this;
    caller.entry_ = entry;
    return caller;
  }
  // Returns the same client as that member.
  Caller As(std::string member_id) const {
    Caller caller = *this;
    caller.names_ = std::make_shared<const Names>(
        Names{.session_id = session_id(), .user_id = user_id(), .member_id = std::move(member_id)});
    return caller;
  }
  // Returns the same client by another token of its.
  Caller Refreshed(std::shared_ptr<const ClientIdentity> identity) const {
    Caller caller = *this;
    caller.identity_ = std::move(identity);
    return caller;
  }
  // These are null for others, and for those who need none.
  const ServiceIdentity* service() const {
    return kind_ == Kind::kService ? static_cast<const ServiceIdentity*>(identity_.get()) : nullptr;
  }
  const ClientIdentity* client() const {
    return is_client() ? static_cast<const ClientIdentity*>(identity_.get()) : nullptr;
  }

  // Returns when what it has shown ends; a client's clock may be late by a leeway that is not in it.
  absl::Time expires() const {
    if (const ServiceIdentity* const identity = service()) return identity->expires;
    if (const ClientIdentity* const identity = client()) return identity->expires;
    return absl::InfiniteFuture();
  }

  // Returns in whose name idempotency keys are: `key:ID`, `user:SUB` or `session:ID`; empty for a service without an
  // identity.
  std::string Subject() const {
    if (kind_ == Kind::kService) return service() == nullptr ? "" : service()->subject;
    if (!names_->user_id.empty()) return absl::StrCat("user:", names_->user_id);
    return absl::StrCat("session:", names_->session_id);
  }

 private:
  Caller(Kind kind, Names names) : kind_(kind), names_(std::make_shared<const Names>(std::move(names))) {}

  Kind kind_;
  Entry entry_ = Entry::kNone;
  std::shared_ptr<const Names> names_;
  // This is a ServiceIdentity or a ClientIdentity, as the kind says.
  std::shared_ptr<const void> identity_;
};

}  // namespace atrium
