#pragma once

#include <memory>
#include <string>
#include <utility>

namespace atrium {

// Who asks, by the server's own knowledge. Immutable and cheap to copy: copies share the names. Thread-safe.
class Caller {
 public:
  enum class Kind {
    kService,    // a trusted backend
    kClient,     // a session
    kComponent,  // server code of a component: trusted as a service is, and a member perhaps
  };

  struct Names {
    // Of a client, or of the one that a component belongs to: its session.
    std::string session_id;
    std::string user_id;
    // Of a client or component: the member that it acts as. A client may act as its session (empty) or as a component
    // of that.
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
