#include "server/http/rest_router.h"

#include <google/api/annotations.pb.h>

#include <algorithm>
#include <optional>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "server/common/errors.h"
#include "server/common/status_macros.h"
#include "server/http/url.h"

namespace atrium {
namespace {

using google::api::HttpRule;
using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::MethodDescriptor;

absl::Status BadRule(const MethodDescriptor& rpc, absl::string_view why) {
  return absl::InternalError(absl::StrCat("google.api.http of ", rpc.full_name(), ": ", why));
}

// Returns "/a/b" as a, b, or nothing if it does not start with a slash.
std::optional<std::vector<absl::string_view>> SplitPath(absl::string_view path) {
  if (path.empty() || path.front() != '/') return std::nullopt;
  std::vector<absl::string_view> segments;
  while (!path.empty()) {
    path.remove_prefix(1);
    segments.push_back(path.substr(0, path.find('/')));
    path.remove_prefix(segments.back().size());
  }
  return segments;
}

absl::StatusOr<std::vector<std::string>> DecodeSegments(absl::Span<const absl::string_view> segments) {
  std::vector<std::string> decoded;
  decoded.reserve(segments.size());
  for (const absl::string_view segment : segments) {
    std::optional<std::string> text = DecodePercent(segment);
    if (!text) {
      return MakeError(absl::StatusCode::kInvalidArgument, "INVALID_PATH", "the path has a broken percent escape");
    }
    decoded.push_back(*std::move(text));
  }
  return decoded;
}

std::pair<std::string, std::string> MethodAndTemplate(const HttpRule& rule) {
  switch (rule.pattern_case()) {
    case HttpRule::kGet: return {"GET", rule.get()};
    case HttpRule::kPut: return {"PUT", rule.put()};
    case HttpRule::kPost: return {"POST", rule.post()};
    case HttpRule::kDelete: return {"DELETE", rule.delete_()};
    case HttpRule::kPatch: return {"PATCH", rule.patch()};
    default: return {};
  }
}

absl::StatusOr<RestRoute::Segment> ParseSegment(const MethodDescriptor& rpc, absl::string_view text) {
  if (text.find_first_of("{}*") == text.npos) return RestRoute::Segment{.literal = std::string(text)};
  if (text.size() < 3 || text.front() != '{' || text.back() != '}') {
    return BadRule(rpc, "a segment must be a literal or {field}");
  }
  const FieldDescriptor* const field = rpc.input_type()->FindFieldByName(std::string(text.substr(1, text.size() - 2)));
  if (field == nullptr || field->is_repeated() || field->type() != FieldDescriptor::TYPE_STRING) {
    return BadRule(rpc, "a variable must be a string field of the request");
  }
  return RestRoute::Segment{.variable = field};
}

bool Matches(const RestRoute& route, const std::vector<std::string>& segments) {
  return std::equal(route.segments.begin(), route.segments.end(), segments.begin(), segments.end(),
                    [](const RestRoute::Segment& pattern, const std::string& text) {
                      return pattern.variable == nullptr ? pattern.literal == text : !text.empty();
                    });
}

bool MoreLiteral(const RestRoute& a, const RestRoute& b) {
  return std::lexicographical_compare(a.segments.begin(), a.segments.end(), b.segments.begin(), b.segments.end(),
                                      [](const RestRoute::Segment& x, const RestRoute::Segment& y) {
                                        return x.variable == nullptr && y.variable != nullptr;
                                      });
}

}  // namespace

absl::StatusOr<RestRouter> RestRouter::Create(absl::Span<const google::protobuf::ServiceDescriptor* const> services) {
  RestRouter router;
  for (const auto* const service : services) {
    for (int i = 0; i < service->method_count(); ++i) {
      const MethodDescriptor& rpc = *service->method(i);
      if (rpc.client_streaming()) continue;
      if (!rpc.options().HasExtension(google::api::http)) continue;
      const HttpRule& rule = rpc.options().GetExtension(google::api::http);
      RETURN_IF_ERROR(router.Add(rpc, rule));
      for (const HttpRule& additional : rule.additional_bindings()) RETURN_IF_ERROR(router.Add(rpc, additional));
    }
  }
  std::stable_sort(router.routes_.begin(), router.routes_.end(), MoreLiteral);
  return router;
}

absl::Status RestRouter::Add(const MethodDescriptor& rpc, const HttpRule& rule) {
  RestRoute route{.rpc = &rpc};
  std::string path;
  std::tie(route.http_method, path) = MethodAndTemplate(rule);
  const std::optional<std::vector<absl::string_view>> segments = SplitPath(path);
  if (!segments) return BadRule(rpc, "a template must start with a slash");
  for (const absl::string_view segment : *segments) {
    ASSIGN_OR_RETURN(RestRoute::Segment parsed, ParseSegment(rpc, segment));
    route.segments.push_back(std::move(parsed));
  }
  if (!rule.response_body().empty()) return BadRule(rpc, "response_body is not known");
  if (rule.body() == "*") {
    route.body_is_request = true;
  } else if (!rule.body().empty()) {
    route.body_field = rpc.input_type()->FindFieldByName(rule.body());
    if (route.body_field == nullptr) return BadRule(rpc, "the body must be a field of the request or *");
  }
  routes_.push_back(std::move(route));
  return absl::OkStatus();
}

absl::StatusOr<RestMatch> RestRouter::Match(const std::string& http_method, absl::string_view path) const {
  RestMatch match;
  const std::optional<std::vector<absl::string_view>> escaped = SplitPath(path);
  if (!escaped) return match;
  ASSIGN_OR_RETURN(const std::vector<std::string> segments, DecodeSegments(*escaped));
  for (const RestRoute& route : routes_) {
    if (!Matches(route, segments)) continue;
    if (route.http_method == http_method) {
      match.route = &route;
      for (size_t i = 0; i < segments.size(); ++i) {
        if (const FieldDescriptor* const field = route.segments[i].variable) {
          match.variables.emplace_back(field, segments[i]);
        }
      }
      match.allowed.clear();
      return match;
    }
    if (std::count(match.allowed.begin(), match.allowed.end(), route.http_method) == 0) {
      match.allowed.push_back(route.http_method);
      if (route.http_method == "GET") match.allowed.push_back("HEAD");
    }
  }
  return match;
}

}  // namespace atrium
