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
    // This is a string field of the request, or null for a literal.
    const google::protobuf::FieldDescriptor* variable = nullptr;
  };

  std::string http_method;
  std::vector<Segment> segments;
  const google::protobuf::MethodDescriptor* rpc = nullptr;
  // The body is the whole request, or this field of it, or there is none.
  bool body_is_request = false;
  const google::protobuf::FieldDescriptor* body_field = nullptr;
};

struct RestMatch {
  // This is null if there is no such path, or one with other methods only.
  const RestRoute* route = nullptr;
  std::vector<std::pair<const google::protobuf::FieldDescriptor*, std::string>> variables;
  // These are the methods of the path if `route` is null.
  std::vector<std::string> allowed;
};

// Finds the method for an HTTP request by the `google.api.http` annotations of services.
//
// A literal segment wins over a variable, from the left. A colon in a segment is no verb, because room ids have colons.
// It is immutable and thread-safe.
class RestRouter {
 public:
  // Methods that clients stream to are left out. INTERNAL, naming the method, if a rule is not understood: templates
  // are made of literals and `{field}`.
  static absl::StatusOr<RestRouter> Create(absl::Span<const google::protobuf::ServiceDescriptor* const> services);

  // Finds the route of a request. `path` is still escaped, without query. INVALID_ARGUMENT if an escape in it is
  // broken.
  absl::StatusOr<RestMatch> Match(const std::string& http_method, absl::string_view path) const;

  const std::vector<RestRoute>& routes() const { return routes_; }

 private:
  absl::Status Add(const google::protobuf::MethodDescriptor& rpc, const google::api::HttpRule& rule);

  // Those with literals come first.
  std::vector<RestRoute> routes_;
};

}  // namespace atrium
