#pragma once

#include <google/protobuf/descriptor.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace google::api {
class HttpRule;
}

namespace atrium {

// One `google.api.http` binding of a method.
struct RestRoute {
  struct Segment {
    std::string literal;
    // Null: a literal. A string field of the request.
    const google::protobuf::FieldDescriptor* variable = nullptr;
  };

  std::string http_method;
  std::vector<Segment> segments;
  const google::protobuf::MethodDescriptor* rpc = nullptr;
  // What of the request the body is.
  bool body_is_request = false;
  const google::protobuf::FieldDescriptor* body_field = nullptr;
};

struct RestMatch {
  // Null: no such path, or with other methods only.
  const RestRoute* route = nullptr;
  std::vector<std::pair<const google::protobuf::FieldDescriptor*, std::string>> variables;
  // The methods of this path if `route` is null.
  std::vector<std::string> allowed;
};

// Finds the method for an HTTP request by the `google.api.http` annotations of services.
//
// A literal segment wins over a variable, from the left. A colon in a segment is no verb: room ids have colons.
// Immutable, thread-safe.
class RestRouter {
 public:
  // Methods that clients stream to are left out. INTERNAL, naming the method, if a rule is not understood: templates
  // are made of literals and `{field}`.
  static absl::StatusOr<RestRouter> Create(absl::Span<const google::protobuf::ServiceDescriptor* const> services);

  // `path` is still escaped, without query.
  RestMatch Match(const std::string& http_method, absl::string_view path) const;

  const std::vector<RestRoute>& routes() const { return routes_; }

 private:
  absl::Status Add(const google::protobuf::MethodDescriptor& rpc, const google::api::HttpRule& rule);

  // Those with literals first.
  std::vector<RestRoute> routes_;
};

}  // namespace atrium
