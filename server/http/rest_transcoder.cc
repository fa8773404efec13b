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
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "server/api/validate.h"
#include "server/common/errors.h"
#include "server/common/status_macros.h"
#include "server/common/utf8.h"
#include "server/http/url.h"
#include "server/wire/message_json.h"

namespace atrium {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MessageFactory;

constexpr char kJson[] = "application/json";
constexpr char kMergePatch[] = "application/merge-patch+json";
constexpr char kEventStream[] = "text/event-stream";
constexpr char kJsonLines[] = "application/x-ndjson";

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

// Returns whether a range of Accept is refused, by a weight of zero (RFC 9110 section 12.4.2).
bool HasNoWeight(absl::Span<const absl::string_view> parameters) {
  return std::any_of(parameters.begin(), parameters.end(), [](absl::string_view parameter) {
    parameter = absl::StripAsciiWhitespace(parameter);
    if (!absl::ConsumePrefix(&parameter, "q=") && !absl::ConsumePrefix(&parameter, "Q=")) return false;
    return absl::StartsWith(parameter, "0") && parameter.find_first_not_of("0.") == parameter.npos;
  });
}

// Returns whether Accept names server-sent events, with any weight but zero.
bool TakesEvents(absl::string_view accept) {
  for (const absl::string_view range : absl::StrSplit(accept, ',')) {
    const std::vector<absl::string_view> parts = absl::StrSplit(range, ';');
    if (!absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(parts.front()), kEventStream)) continue;
    if (!HasNoWeight(absl::MakeConstSpan(parts).subspan(1))) return true;
  }
  return false;
}

const FieldDescriptor* FindField(const Descriptor& type, const std::string& name) {
  for (int i = 0; i < type.field_count(); ++i) {
    if (type.field(i)->json_name() == name || type.field(i)->name() == name) return type.field(i);
  }
  return nullptr;
}

// Returns whether a field may be in the query: it is neither in the path nor in the body.
bool IsInQuery(const RestRoute& route, const FieldDescriptor& field) {
  if (route.body_is_request || &field == route.body_field) return false;
  return std::none_of(route.segments.begin(), route.segments.end(),
                      [&](const RestRoute::Segment& segment) { return segment.variable == &field; });
}

// Returns whether the field is a message of Atrium's own, whose fields may be named one by one, and not a
// google.protobuf.Value and the like.
bool IsOwnMessage(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && !field.is_repeated() &&
         absl::StartsWith(field.message_type()->full_name(), "atrium.");
}

// A field of the request, or of a message in it.
using FieldPath = std::vector<const FieldDescriptor*>;

// Returns the field that `name` names, as `since.offset`; empty if it names none that a query may set.
FieldPath FindQueryField(const RestRoute& route, absl::string_view name) {
  FieldPath path;
  const Descriptor* type = route.rpc->input_type();
  for (const absl::string_view part : absl::StrSplit(name, '.')) {
    const FieldDescriptor* const field = type == nullptr ? nullptr : FindField(*type, std::string(part));
    if (field == nullptr) return {};
    path.push_back(field);
    type = IsOwnMessage(*field) ? field->message_type() : nullptr;
  }
  if (!IsInQuery(route, *path.front()) || path.back()->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) return {};
  return path;
}

// Numbers and enums may be strings in JSON; booleans may not.
json::value QueryValue(const FieldDescriptor& field, const std::string& text) {
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_BOOL && (text == "true" || text == "false")) return text == "true";
  return json::value(FromView(text));
}

absl::Status SetField(const json::value& value, absl::Span<const FieldDescriptor* const> path, Message& message) {
  if (path.size() == 1) return FieldFromJson(value, *path.front(), message);
  Message& inner = *message.GetReflection()->MutableMessage(&message, path.front());
  return PrefixField(path.front()->json_name(), SetField(value, path.subspan(1), inner));
}

// Returns whether this is where an EventSource written in JavaScript has its last event id, if it may set no headers.
bool IsLastEventId(absl::string_view name) { return name == "lastEventId" || name == "Last-Event-ID"; }

absl::Status ReadQuery(const RestRoute& route, absl::string_view query, Message& message) {
  const auto invalid = [](absl::string_view why) {
    return MakeError(absl::StatusCode::kInvalidArgument, "INVALID_QUERY", absl::StrCat("the query has a ", why));
  };
  std::vector<std::pair<FieldPath, json::array>> values;
  for (const auto& [escaped_name, escaped_text] : SplitQuery(query)) {
    const std::optional<std::string> name = DecodeQueryText(escaped_name);
    // Whatever it is: see SetPosition.
    if (name && route.rpc->server_streaming() && IsLastEventId(*name)) continue;
    const std::optional<std::string> text = DecodeQueryText(escaped_text);
    if (!name || !text) return invalid("broken percent escape");
    if (name->empty()) return invalid("parameter without a name");
    const FieldPath path = FindQueryField(route, *name);
    if (path.empty()) return InvalidField(*name, "unknown query parameter");
    auto it = std::find_if(values.begin(), values.end(), [&](const auto& entry) { return entry.first == path; });
    if (it == values.end()) it = values.insert(it, {path, {}});
    it->second.push_back(QueryValue(*path.back(), *text));
    if (it->second.size() > 1 && !path.back()->is_repeated()) return InvalidField(*name, "is given twice");
  }
  for (auto& [path, array] : values) {
    const json::value value = path.back()->is_repeated() ? json::value(std::move(array)) : array.front();
    RETURN_IF_ERROR(SetField(value, path, message));
  }
  return absl::OkStatus();
}

// Returns the id of the header, else that of the query; of several there the last, which a client has put behind the
// others. One whose escapes are broken, or that is not UTF-8, is there all the same, and no position.
std::string LastEventId(const HttpRequest& request) {
  if (!request.last_event_id.empty()) return request.last_event_id;
  std::string id;
  for (const auto& [name, text] : SplitQuery(SplitTarget(request.target).second)) {
    if (IsLastEventId(DecodeQueryText(name).value_or(""))) id = DecodeQueryText(text).value_or("no position");
  }
  return id;
}

// A reader comes back: its last event id is newer than the `since` of the query, which browsers send again as it was.
// An id that is no position is not ours, so that nothing of the room is known to be there already; an error would end
// an EventSource for good.
void SetPosition(const std::string& last_event_id, Message& message) {
  const FieldDescriptor* const since = message.GetDescriptor()->FindFieldByName("since");
  if (last_event_id.empty() || since == nullptr || since->message_type() != v1::Position::descriptor()) return;
  const absl::StatusOr<v1::Position> position = ReadPosition("Last-Event-ID", last_event_id);
  if (position.ok() && !position->epoch().empty() && IsUtf8(position->epoch())) {
    message.GetReflection()->MutableMessage(&message, since)->CopyFrom(*position);
  } else {
    message.GetReflection()->ClearField(&message, since);
  }
}

absl::Status ReadBody(const RestRoute& route, const std::string& body, AnyWithPayload& request) {
  if (body.empty()) return absl::OkStatus();
  const absl::StatusOr<json::value> value = ParseJson(body, kMaxDocumentDepth);
  if (route.body_is_request) {
    RETURN_IF_ERROR(value.status());
    return MessageFromJson(*value, *request.message, &request.payload);
  }
  RETURN_IF_ERROR(PrefixField(route.body_field->json_name(), value.status()));
  return FieldFromJson(*value, *route.body_field, *request.message, &request.payload);
}

absl::Status SetVariables(const RestMatch& match, Message& message) {
  for (const auto& [field, text] : match.variables) {
    const std::string given = message.GetReflection()->GetString(message, field);
    if (!given.empty() && given != text) return InvalidField(field->json_name(), "differs from the one in the path");
    message.GetReflection()->SetString(&message, field, text);
  }
  return absl::OkStatus();
}

absl::StatusOr<AnyWithPayload> ReadRequest(const RestMatch& match, const std::string& body, absl::string_view query) {
  const Descriptor& type = *match.route->rpc->input_type();
  AnyWithPayload request;
  request.message.reset(MessageFactory::generated_factory()->GetPrototype(&type)->New());
  RETURN_IF_ERROR(ReadBody(*match.route, body, request));
  RETURN_IF_ERROR(SetVariables(match, *request.message));
  RETURN_IF_ERROR(ReadQuery(*match.route, query, *request.message));
  return request;
}

HttpResponse NotServed(const RestMatch& match, const HttpRequest& request) {
  if (!match.allowed.empty()) return MethodNotAllowed(request.method, match.allowed);
  return ErrorResponse(MakeError(absl::StatusCode::kNotFound, "PATH_NOT_FOUND", "nothing is served at this path"));
}

// Says how to authenticate (RFC 6750 section 3).
HttpResponse Unauthenticated(const absl::Status& error) {
  HttpResponse response = ErrorResponse(error);
  response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

// Returns the response to a request that is refused before it is read.
std::optional<HttpResponse> Refusal(const RestMatch& match, const HttpRequest& request) {
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
    const RpcTable& rpcs, const StreamTable& streams,
    absl::Span<const google::protobuf::ServiceDescriptor* const> services) {
  ASSIGN_OR_RETURN(RestRouter router, RestRouter::Create(services));
  for (const RestRoute& route : router.routes()) {
    const std::string& name = route.rpc->full_name();
    if (route.rpc->server_streaming() ? streams.Find(name) == nullptr : rpcs.Find(name) == nullptr) {
      return absl::InternalError(absl::StrCat("no implementation of ", name));
    }
  }
  return RestTranscoder(rpcs, streams, std::move(router));
}

void RestTranscoder::Handle(const WhoSends& who_sends, const HttpRequest& request, HttpDone done) const {
  const auto [path, query] = SplitTarget(request.target);
  const absl::StatusOr<RestMatch> match = router_.Match(request.method, path);
  if (!match.ok()) return done(ErrorResponse(match.status()));
  if (match->route == nullptr) return done(NotServed(*match, request));
  const absl::StatusOr<Caller> caller = who_sends({.authorization = request.authorization, .api_key = request.api_key});
  if (!caller.ok()) return done(Unauthenticated(caller.status()));
  if (std::optional<HttpResponse> refusal = Refusal(*match, request)) return done(*std::move(refusal));
  absl::StatusOr<AnyWithPayload> call = ReadRequest(*match, request.body, query);
  if (!call.ok()) return done(ErrorResponse(call.status()));
  if (match->route->rpc->server_streaming()) {
    return done(Stream(*caller, *match->route, request, std::move(call->message)));
  }
  (*rpcs_->Find(match->route->rpc->full_name()))(
      *caller, *std::move(call), [done = std::move(done)](absl::StatusOr<AnyWithPayload> response) mutable {
        if (!response.ok()) return done(ErrorResponse(response.status()));
        done({.body = MessageToJson(*response->message, JsonZeros::kPrint, response->payload)});
      });
}

HttpResponse RestTranscoder::Stream(const Caller& caller, const RestRoute& route, const HttpRequest& request,
                                    std::unique_ptr<Message> message) const {
  SetPosition(LastEventId(request), *message);
  const bool events = TakesEvents(request.accept);
  const ReaderKind kind = events ? ReaderKind::kServerSentEvents : ReaderKind::kJsonLines;
  const StreamTable::Method& method = *streams_->Find(route.rpc->full_name());
  auto start = [&method, caller, kind, message = std::move(message)](int shard,
                                                                     Observer::Transport& transport) mutable {
    return method(caller, std::move(message), shard, kind, transport);
  };
  return {.content_type = events ? kEventStream : kJsonLines,
          .headers = {{"Cache-Control", "no-cache"}, {"X-Accel-Buffering", "no"}},
          .stream = std::make_shared<StreamedBody>(StreamedBody{kind, std::move(start)})};
}

}  // namespace atrium
