#pragma once

#include <memory>
#include <string>
#include <utility>

namespace atrium {

// Who asks, by the server's own knowledge. It is immutable, thread-safe and cheap to copy, because copies share the
// names.
class Caller {
 public:
  enum class Kind {
    kService,    // a trusted backend
    kClient,     // a session
    kComponent,  // server code of a component: trusted as a service is, and a member perhaps
  };

  struct Names {
    // This is the session of the client, or of the client that a component belongs to.
    std::string session_id;
    std::string user_id;
    // A client or component acts as this member. A client may act as its session, for which this is empty, or as a
    // component of that.
    std::string member_id;
  };

  static Caller Service() {
    static const Caller& service = *new Caller(Kind::kService, {});
    return service;
  }
  static Caller Client(Names names) { return Caller(Kind::kClient, std::move(names)); }
  static Caller Component(Names names) { return Caller(Kind::kComponent, std::move(names)); }

  Kind kind() const { return kind_; }
  const std::string& session_id() const { return names_->session_id; }
  const std::string& user_id() const { return names_->user_id; }
  const std::string& member_id() const {
    return kind_ == Kind::kClient && names_->member_id.empty() ? names_->session_id : names_->member_id;
  }

 private:
  Caller(Kind kind, Names names) : kind_(kind), names_(std::make_shared<const Names>(std::move(names))) {}

  Kind kind_;
  std::shared_ptr<const Names> names_;
};

}  // namespace atrium
