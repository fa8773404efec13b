#include "server/http/rest_transcoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "server/common/errors.h"
#include "tests/http/fake_rpcs.h"

namespace atrium {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class RestTranscoderTest : public testing::Test {
 protected:
  HttpResponse Send(const std::string& method, const std::string& target, const std::string& body = "",
                    const std::string& content_type = "application/json") {
    HttpResponse got{.status = 0};
    transcoder_.Handle([](const Credentials&) { return Caller::Service(); },
                       {.method = method, .target = target, .content_type = content_type, .body = body},
                       [&got](HttpResponse response) { got = std::move(response); });
    return got;
  }

  // The call that the request became; its error if it became none.
  std::string CallOf(const std::string& method, const std::string& target, const std::string& body = "") {
    const int calls = rpcs_.calls();
    const HttpResponse response = Send(method, target, body);
    return rpcs_.calls() == calls ? response.body : rpcs_.last_call();
  }

  FakeRpcs rpcs_;
  const RestTranscoder transcoder_ = *RestTranscoder::Create(rpcs_.table(), rpcs_.streams(), AllServices());
};

TEST_F(RestTranscoderTest, FillsTheRequestFromPathAndBody) {
  EXPECT_EQ(CallOf("POST", "/api/rooms/geral/messages", R"({"user":"bot","text":"hi"})"),
            R"(RoomService.SendMessage {"roomId":"geral","user":"bot","text":"hi"})");
  EXPECT_EQ(CallOf("POST", "/api/rooms/chat:lobby/members", R"({"memberId":"s"})"),
            R"(RoomService.Join {"roomId":"chat:lobby","memberId":"s"})");
  EXPECT_EQ(CallOf("DELETE", "/api/rooms/geral/members/s"), R"(RoomService.Leave {"roomId":"geral","memberId":"s"})");
}

TEST_F(RestTranscoderTest, CarriesThePayloadBesideTheRequest) {
  EXPECT_EQ(CallOf("POST", "/api/rooms/tech/emit", R"({"event":"e","data":{"b":1,"a":[null]}})"),
            R"(RoomService.Emit {"roomId":"tech","event":"e"} {"b":1,"a":[null]})");
  EXPECT_EQ(CallOf("PATCH", "/api/rooms/tech/state", R"({"topic":null})"),
            R"(RoomService.SetState {"roomId":"tech"} {"topic":null})");
}

// What stands around a value in the body does not count.
TEST_F(RestTranscoderTest, TakesValuesOfThirtyTwoLevelsFromEachBody) {
  const auto nested = [](int depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  const auto emit = [&](int depth) { return R"({"event":"e","data":)" + nested(depth) + "}"; };
  EXPECT_EQ(CallOf("POST", "/api/rooms/tech/emit", emit(32)),
            R"(RoomService.Emit {"roomId":"tech","event":"e"} )" + nested(32));
  EXPECT_THAT(CallOf("POST", "/api/rooms/tech/emit", emit(33)), HasSubstr("\"data: nesting too deep (max 32)\""));
  const auto object = [&](int depth) { return "{\"a\":" + nested(depth - 1) + "}"; };
  EXPECT_EQ(CallOf("PATCH", "/api/rooms/tech/state", object(32)),
            R"(RoomService.SetState {"roomId":"tech"} )" + object(32));
  EXPECT_THAT(CallOf("PATCH", "/api/rooms/tech/state", object(33)), HasSubstr("\"state: nesting too deep (max 32)\""));
  EXPECT_EQ(CallOf("PATCH", "/api/rooms/tech", "{\"metadata\":" + object(32) + "}"),
            R"(RoomService.UpdateRoom {"roomId":"tech","metadata":)" + object(32) + "}");
  EXPECT_THAT(CallOf("PATCH", "/api/rooms/tech", "{\"metadata\":" + object(33) + "}"),
              HasSubstr("\"metadata: nesting too deep (max 32)\""));
}

TEST_F(RestTranscoderTest, FillsTheRestFromTheQuery) {
  EXPECT_EQ(CallOf("GET", "/api/rooms?pageSize=5&pageToken=a%26b+c"),
            R"(RoomService.ListRooms {"pageSize":5,"pageToken":"a&b c"})");
  EXPECT_EQ(CallOf("GET", "/api/rooms/x/members?page_size=5&"),
            R"(RoomService.ListMembers {"roomId":"x","pageSize":5})");
  EXPECT_EQ(CallOf("DELETE", "/api/sessions/s?reason=bye"),
            R"(SessionService.DisconnectSession {"sessionId":"s","reason":"bye"})");
}

TEST_F(RestTranscoderTest, RefusesWrongQueries) {
  EXPECT_THAT(CallOf("GET", "/api/rooms?pageSise=5"), HasSubstr("pageSise: unknown query parameter"));
  EXPECT_THAT(CallOf("GET", "/api/rooms?pageSize=x"), HasSubstr("pageSize: must be an integer"));
  EXPECT_THAT(CallOf("GET", "/api/rooms?pageSize=1&pageSize=2"), HasSubstr("pageSize: is given twice"));
  EXPECT_THAT(CallOf("GET", "/api/rooms/x?roomId=y"), HasSubstr("roomId: unknown query parameter"));
  EXPECT_THAT(CallOf("POST", "/api/rooms/x/emit?event=e", "{}"), HasSubstr("event: unknown query parameter"));
  EXPECT_THAT(CallOf("PATCH", "/api/rooms/x/state?state=1", "{}"), HasSubstr("state: unknown query parameter"));
  EXPECT_THAT(CallOf("GET", "/api/rooms?pageToken=%zz"), HasSubstr("percent escape"));
  EXPECT_THAT(CallOf("GET", "/api/rooms?=1"), HasSubstr("a parameter without a name"));
}

TEST_F(RestTranscoderTest, FillsFieldsOfFieldsFromTheQuery) {
  EXPECT_EQ(CallOf("GET", "/api/rooms/a/history?since.epoch=e:1&since.offset=4&pageSize=2"),
            R"(RoomService.GetHistory {"roomId":"a","since":{"epoch":"e:1","offset":"4"},"pageSize":2})");
  const std::string history = "/api/rooms/a/history?";
  EXPECT_THAT(CallOf("GET", history + "since.offset=x"), HasSubstr("since.offset: must be"));
  EXPECT_THAT(CallOf("GET", history + "since.offset=-1"), HasSubstr(R"("field":"since.offset")"));
  EXPECT_THAT(CallOf("GET", history + "since.ofset=1"), HasSubstr("since.ofset: unknown query parameter"));
  EXPECT_THAT(CallOf("GET", history + "since=1"), HasSubstr("since: unknown query parameter"));
  EXPECT_THAT(CallOf("GET", history + "since.=1"), HasSubstr("since.: unknown query parameter"));
  EXPECT_THAT(CallOf("GET", history + "pageSize.x=1"), HasSubstr("pageSize.x: unknown query parameter"));
  EXPECT_THAT(CallOf("GET", history + "since.offset=1&since.offset=2"), HasSubstr("since.offset: is given twice"));
  EXPECT_THAT(CallOf("DELETE", "/api/rooms/a?position.offset=1"), HasSubstr("position.offset: unknown"));
  EXPECT_THAT(CallOf("POST", "/api/rooms/a/members?since.offset=1", "{}"), HasSubstr("since.offset: unknown"));
}

TEST_F(RestTranscoderTest, LeavesFieldsOfGoogleMessagesToTheBody) {
  EXPECT_THAT(CallOf("POST", "/api/rooms/a/methods/m?args.stringValue=1"), HasSubstr("args.stringValue: unknown"));
}

TEST_F(RestTranscoderTest, StreamsAsTheClientAccepts) {
  class NoTransport final : public Observer::Transport {
    void OnReady() override {}
  };
  const auto stream = [this](const std::string& target, const std::string& accept, const std::string& id = "") {
    HttpResponse got{.status = 0};
    transcoder_.Handle([](const Credentials&) { return Caller::Service(); },
                       {.method = "GET", .target = target, .accept = accept, .last_event_id = id},
                       [&got](HttpResponse response) { got = std::move(response); });
    if (got.stream == nullptr) return got.body;
    NoTransport transport;
    got.stream->start(1, transport);
    return absl::StrCat(got.content_type, " ", rpcs_.last_call());
  };
  const std::string events = "/api/rooms/a/events";
  EXPECT_EQ(stream(events, "text/event-stream"), R"(text/event-stream RoomService.Watch {"roomId":"a"} as sse on 1)");
  EXPECT_EQ(stream(events, "application/json;q=0.1, Text/Event-Stream"),
            R"(text/event-stream RoomService.Watch {"roomId":"a"} as sse on 1)");
  for (const char* const accept : {"text/event-stream;charset=utf-8", "a/b,\ttext/event-stream ; q=0.001",
                                   "text/event-stream;q=1.000", "text/event-stream;q=0, text/event-stream"}) {
    EXPECT_THAT(stream(events, accept), HasSubstr(" as sse on 1")) << accept;
  }
  for (const char* const accept : {"text/event-stream;q=0", "text/event-stream ; Q=0.000", "text/event-stream;a=b;q=0.",
                                   "text/event-streamx", "xtext/event-stream", "a/b;c=text/event-stream", ""}) {
    EXPECT_THAT(stream(events, accept), HasSubstr(" as ndjson on 1")) << accept;
  }
  EXPECT_EQ(stream(events, "*/*"), R"(application/x-ndjson RoomService.Watch {"roomId":"a"} as ndjson on 1)");
  const std::string since = R"(RoomService.Watch {"roomId":"a","since":{"epoch":"e","offset":"7"}} as ndjson on 1)";
  EXPECT_EQ(stream(events + "?since.epoch=e&since.offset=7", ""), "application/x-ndjson " + since);
  EXPECT_EQ(stream(events + "?since.epoch=old&since.offset=3", "", "e:7"), "application/x-ndjson " + since);
  EXPECT_THAT(stream(events + "?since.offset=x", ""), HasSubstr("since.offset: must be"));

  // In the query too, where the header is before it and the last before others.
  for (const char* const query :
       {"?lastEventId=e:7", "?Last-Event-ID=e%3A7", "?since.epoch=old&since.offset=3&lastEventId=e:7",
        "?lastEventId=old:1&Last-Event-ID=e:7", "?lastEventId=old:1&lastEventId=e:7"}) {
    EXPECT_EQ(stream(events + query, ""), "application/x-ndjson " + since) << query;
  }
  EXPECT_EQ(stream(events + "?lastEventId=old:1", "", "e:7"), "application/x-ndjson " + since);
  // What is no position is as none.
  const std::string anew = R"(application/x-ndjson RoomService.Watch {"roomId":"a"} as ndjson on 1)";
  for (const char* const id : {"42", "seven", ":5", ":", "e:", "e:x", "e:-1", "e:+1", "e: 1", "e:01", "e:1.5",
                               "e:18446744073709551616", "urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66", "\xff:1"}) {
    EXPECT_EQ(stream(events, "", id), anew) << id;
    EXPECT_EQ(stream(events + "?since.epoch=e&since.offset=7", "", id), anew) << id;
  }
  for (const char* const id : {"42", "%FF", "%ff:1", "%C3", "e%FF:7", "%zz", "%", "e:7%4", "%00", "e:%2B7x"}) {
    EXPECT_EQ(stream(events + "?lastEventId=" + id, ""), anew) << id;
    EXPECT_EQ(stream(events + "?since.epoch=e&since.offset=7&Last-Event-ID=" + id, ""), anew) << id;
  }
  EXPECT_EQ(stream(events + "?lastEventId=%FF", "", "e:7"), "application/x-ndjson " + since);
  EXPECT_EQ(stream(events + "?lastEventId=%FF&lastEventId=e:7", ""), "application/x-ndjson " + since);
  // Other parameters must be what they say.
  EXPECT_THAT(stream(events + "?lastEventId=e:7&since.epoch=%FF", ""), HasSubstr("percent escape"));
  EXPECT_THAT(stream(events + "?lastEventId=e:7&%FF=1", ""), HasSubstr("percent escape"));
  EXPECT_EQ(stream(events + "?lastEventId=", ""), anew);
}

TEST_F(RestTranscoderTest, TakesALastEventIdOnlyForAStream) {
  EXPECT_THAT(CallOf("GET", "/api/rooms/a/history?lastEventId=e:7"), HasSubstr("lastEventId: unknown query parameter"));
  EXPECT_THAT(CallOf("GET", "/api/rooms/a?Last-Event-ID=e:7"), HasSubstr("Last-Event-ID: unknown query parameter"));
  EXPECT_THAT(CallOf("GET", "/api/rooms/a/history?lastEventId=%FF"), HasSubstr("percent escape"));
}

TEST_F(RestTranscoderTest, RefusesABrokenEscapeInThePathAsInTheQuery) {
  for (const char* const target : {"/api/rooms/%zz", "/api/rooms/%4", "/%", "/api/rooms?pageToken=%zz"}) {
    const HttpResponse response = Send("GET", target);
    EXPECT_EQ(response.status, 400) << target;
    EXPECT_THAT(response.body, HasSubstr("has a broken percent escape")) << target;
  }
}

TEST_F(RestTranscoderTest, RefusesABodyThatContradictsThePath) {
  EXPECT_THAT(CallOf("POST", "/api/rooms/a/emit", R"({"roomId":"b","event":"e"})"),
              HasSubstr("roomId: differs from the one in the path"));
  EXPECT_EQ(CallOf("POST", "/api/rooms/a/emit", R"({"roomId":"a","event":"e"})"),
            R"(RoomService.Emit {"roomId":"a","event":"e"})");
}

TEST_F(RestTranscoderTest, TakesAnEmptyBodyAsNoFields) {
  EXPECT_EQ(CallOf("POST", "/api/rooms/a/emit"), R"(RoomService.Emit {"roomId":"a"})");
  EXPECT_EQ(Send("POST", "/api/rooms/a/emit", "", "").status, 200);
}

TEST_F(RestTranscoderTest, PrintsZerosAndThePayload) {
  EXPECT_EQ(Send("POST", "/api/rooms/a/emit", "{}").body, R"({"success":false,"event":"","notified":0,"roomId":""})");
  rpcs_.AnswerWithPayload(Payload::FromText(R"({"a":1})"));
  const HttpResponse response = Send("GET", "/api/rooms/a/state");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_EQ(response.body, R"({"state":{"a":1}})");
}

TEST_F(RestTranscoderTest, NamesTheFieldAtFault) {
  const HttpResponse unknown = Send("POST", "/api/rooms/a/emit", R"({"evnt":"e"})");
  EXPECT_EQ(unknown.status, 400);
  EXPECT_THAT(unknown.body, StartsWith(R"({"code":3,"message":"evnt: unknown field","details":[)"));
  EXPECT_THAT(unknown.body, HasSubstr(R"("fieldViolations":[{"field":"evnt","description":"unknown field"}])"));
  EXPECT_THAT(Send("POST", "/api/rooms/a/emit", R"({"event":5})").body, HasSubstr("event: must be a string"));
}

TEST_F(RestTranscoderTest, RefusesWhatIsNoJsonObject) {
  EXPECT_EQ(Send("POST", "/api/rooms/a/emit", "{").status, 400);
  EXPECT_EQ(Send("POST", "/api/rooms/a/emit", "[]").status, 400);
  EXPECT_EQ(rpcs_.calls(), 0);
}

TEST_F(RestTranscoderTest, WantsJson) {
  const HttpResponse form = Send("POST", "/api/rooms/a/emit", "a=b", "application/x-www-form-urlencoded");
  EXPECT_EQ(form.status, 415);
  EXPECT_THAT(form.body, HasSubstr("must be application/json"));
  EXPECT_EQ(Send("POST", "/api/rooms/a/emit", "{}", "").status, 415);
  EXPECT_EQ(Send("POST", "/api/rooms/a/emit", "{}", "application/merge-patch+json").status, 415);
  EXPECT_EQ(Send("POST", "/api/rooms/a/emit", "{}", "Application/JSON ; charset=utf-8").status, 200);
  EXPECT_EQ(Send("PATCH", "/api/rooms/a/state", "{}", "application/merge-patch+json").status, 200);
}

TEST_F(RestTranscoderTest, RefusesABodyWhereNoneIsTaken) {
  const HttpResponse response = Send("DELETE", "/api/sessions/s", R"({"reason":"x"})");
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.body, HasSubstr("takes no body"));
}

TEST_F(RestTranscoderTest, TellsAWrongPathFromAWrongMethod) {
  const HttpResponse missing = Send("GET", "/api/room");
  EXPECT_EQ(missing.status, 404);
  EXPECT_THAT(missing.body, StartsWith(R"({"code":5,)"));
  const HttpResponse wrong = Send("PUT", "/api/rooms/a/emit", "{}");
  EXPECT_EQ(wrong.status, 405);
  ASSERT_EQ(wrong.headers.size(), 1u);
  EXPECT_EQ(wrong.headers[0].first, "Allow");
  EXPECT_EQ(wrong.headers[0].second, "POST");
}

TEST_F(RestTranscoderTest, GivesTheErrorsOfMethods) {
  rpcs_.AnswerWith(MakeError(absl::StatusCode::kNotFound, "ROOM_NOT_FOUND", "No such room"));
  const HttpResponse response = Send("GET", "/api/rooms/a");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.body, R"({"code":5,"message":"No such room","details":[)"
                           R"({"@type":"type.googleapis.com/google.rpc.ErrorInfo",)"
                           R"("reason":"ROOM_NOT_FOUND","domain":"atrium"}]})");
}

TEST(RestTranscoderCreateTest, WantsAllMethods) {
  const RpcTable empty;
  const FakeRpcs all;
  const StreamTable no_streams;
  EXPECT_EQ(RestTranscoder::Create(empty, all.streams(), AllServices()).status().code(), absl::StatusCode::kInternal);
  EXPECT_EQ(RestTranscoder::Create(all.table(), no_streams, AllServices()).status().code(),
            absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace atrium
