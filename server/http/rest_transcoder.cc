#include "server/http/rest_transcoder.h"

#include <google/protobuf/message.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/common/errors.h"
#include "server/common/status_macros.h"
#include "server/http/url.h"
#include "server/wire/message_json.h"

namespace atrium {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MessageFactory;

using RpcMessage = WithPayload<RpcTable::MessagePtr>;

constexpr char kJson[] = "application/json";
constexpr char kMergePatch[] = "application/merge-patch+json";

bool IsJson(const HttpRequest& request) {
  const std::string type(absl::StripAsciiWhitespace(request.content_type.substr(0, request.content_type.find(';'))));
  return absl::EqualsIgnoreCase(type, kJson) ||
         (request.method == "PATCH" && absl::EqualsIgnoreCase(type, kMergePatch));
}

HttpResponse UnsupportedMediaType(const HttpRequest& request) {
  const std::string wanted = request.method == "PATCH" ? absl::StrCat(kJson, " or ", kMergePatch) : kJson;
  return ErrorResponse(415, MakeError(absl::StatusCode::kInvalidArgument, "UNSUPPORTED_MEDIA_TYPE",
                                      absl::StrCat("the content type of the body must be ", wanted)));
}

const FieldDescriptor* FindField(const Descriptor& type, const std::string& name) {
  for (int i = 0; i < type.field_count(); ++i) {
    if (type.field(i)->json_name() == name || type.field(i)->name() == name) return type.field(i);
  }
  return nullptr;
}

// The rest of a request, apart from path and body.
bool IsQueryField(const RestRoute& route, const FieldDescriptor& field) {
  if (route.body_is_request || &field == route.body_field) return false;
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) return false;
  for (const RestRoute::Segment& segment : route.segments) {
    if (segment.variable == &field) return false;
  }
  return true;
}

// Numbers and enums may be strings in JSON; booleans may not.
json::value QueryValue(const FieldDescriptor& field, const std::string& text) {
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_BOOL && (text == "true" || text == "false")) return text == "true";
  return json::value(FromView(text));
}

absl::Status ReadQuery(const RestRoute& route, absl::string_view query, Message& message) {
  const auto parameters = ParseQuery(query);
  if (!parameters) {
    return MakeError(absl::StatusCode::kInvalidArgument, "INVALID_QUERY", "the query has a broken percent escape");
  }
  std::vector<std::pair<const FieldDescriptor*, json::array>> values;
  for (const auto& [name, text] : *parameters) {
    const FieldDescriptor* const field = FindField(*message.GetDescriptor(), name);
    if (field == nullptr || !IsQueryField(route, *field)) return InvalidField(name, "unknown query parameter");
    auto it = std::find_if(values.begin(), values.end(), [&](const auto& entry) { return entry.first == field; });
    if (it == values.end()) it = values.insert(it, {field, {}});
    it->second.push_back(QueryValue(*field, text));
    if (it->second.size() > 1 && !field->is_repeated()) return InvalidField(name, "is given twice");
  }
  for (auto& [field, array] : values) {
    const json::value value = field->is_repeated() ? json::value(std::move(array)) : array.front();
    RETURN_IF_ERROR(FieldFromJson(value, *field, message));
  }
  return absl::OkStatus();
}

absl::Status ReadBody(const RestRoute& route, const std::string& body, RpcMessage& request) {
  if (body.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const json::value value, ParseJson(body));
  if (route.body_is_request) return MessageFromJson(value, *request.message, &request.payload);
  return FieldFromJson(value, *route.body_field, *request.message, &request.payload);
}

absl::Status SetVariables(const RestMatch& match, Message& message) {
  for (const auto& [field, text] : match.variables) {
    const std::string given = message.GetReflection()->GetString(message, field);
    if (!given.empty() && given != text) return InvalidField(field->json_name(), "differs from the one in the path");
    message.GetReflection()->SetString(&message, field, text);
  }
  return absl::OkStatus();
}

absl::StatusOr<RpcMessage> ReadRequest(const RestMatch& match, const std::string& body, absl::string_view query) {
  const Descriptor& type = *match.route->rpc->input_type();
  RpcMessage request;
  request.message.reset(MessageFactory::generated_factory()->GetPrototype(&type)->New());
  RETURN_IF_ERROR(ReadBody(*match.route, body, request));
  RETURN_IF_ERROR(SetVariables(match, *request.message));
  RETURN_IF_ERROR(ReadQuery(*match.route, query, *request.message));
  return request;
}

// What must be so before the request is read.
std::optional<HttpResponse> Refusal(const RestMatch& match, const HttpRequest& request) {
  if (match.route == nullptr && match.allowed.empty()) {
    return ErrorResponse(MakeError(absl::StatusCode::kNotFound, "PATH_NOT_FOUND", "nothing is served at this path"));
  }
  if (match.route == nullptr) return MethodNotAllowed(request.method, match.allowed);
  if (request.body.empty()) return std::nullopt;
  if (!match.route->body_is_request && match.route->body_field == nullptr) {
    return ErrorResponse(MakeError(absl::StatusCode::kInvalidArgument, "UNEXPECTED_BODY",
                                   "this method takes no body: fields that are not in the path go into the query"));
  }
  if (!IsJson(request)) return UnsupportedMediaType(request);
  return std::nullopt;
}

}  // namespace

absl::StatusOr<RestTranscoder> RestTranscoder::Create(
    const RpcTable& rpcs, absl::Span<const google::protobuf::ServiceDescriptor* const> services) {
  ASSIGN_OR_RETURN(RestRouter router, RestRouter::Create(services));
  for (const RestRoute& route : router.routes()) {
    if (rpcs.Find(route.rpc->full_name()) == nullptr) {
      return absl::InternalError(absl::StrCat("no implementation of ", route.rpc->full_name()));
    }
  }
  return RestTranscoder(rpcs, std::move(router));
}

void RestTranscoder::Handle(const Caller& caller, const HttpRequest& request, HttpDone done) const {
  const auto [path, query] = SplitTarget(request.target);
  const RestMatch match = router_.Match(request.method, path);
  if (std::optional<HttpResponse> refusal = Refusal(match, request)) return done(*std::move(refusal));
  absl::StatusOr<RpcMessage> call = ReadRequest(match, request.body, query);
  if (!call.ok()) return done(ErrorResponse(call.status()));
  (*rpcs_->Find(match.route->rpc->full_name()))(
      caller, *std::move(call), [done = std::move(done)](absl::StatusOr<RpcMessage> response) mutable {
        if (!response.ok()) return done(ErrorResponse(response.status()));
        done({.body = MessageToJson(*response->message, JsonZeros::kPrint, response->payload)});
      });
}

}  // namespace atrium
