#include "server/http/websocket_deflate.h"

#include <gtest/gtest.h>

#include <string>

namespace atrium {
namespace {

constexpr char kAccepted[] = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
constexpr char kWithWindow[] =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=15";

std::string Answer(absl::string_view offers) {
  const absl::StatusOr<std::string> answer = AnswerDeflateOffers(offers);
  return answer.ok() ? *answer : std::string(answer.status().message());
}

TEST(WebSocketDeflateTest, TakesAnOfferWhateverItAllowsTheServer) {
  for (const char* offer : {
           "permessage-deflate",
           "permessage-deflate; client_max_window_bits",  // of Chromium and of ws
           "permessage-deflate;client_max_window_bits=8",
           "permessage-deflate ; client_max_window_bits = \"15\" ",
           "permessage-deflate; client_max_window_bits=\"1\\0\"",
           "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
           "\tpermessage-deflate;\tserver_no_context_takeover",
       }) {
    EXPECT_EQ(Answer(offer), kAccepted) << offer;
  }
}

TEST(WebSocketDeflateTest, NamesTheWindowIfItIsAskedFor) {
  EXPECT_EQ(Answer("permessage-deflate; server_max_window_bits=15"), kWithWindow);
  EXPECT_EQ(Answer("permessage-deflate; client_max_window_bits; server_max_window_bits=\"15\""), kWithWindow);
}

TEST(WebSocketDeflateTest, DeclinesWhatItCannotDo) {
  for (const char* offer : {
           "",
           "x-webkit-deflate-frame",
           "Permessage-Deflate",
           "permessage-deflate; unknown",
           "permessage-deflate; unknown=1",
           "permessage-deflate; server_no_context_takeover=1",
           "permessage-deflate; client_no_context_takeover=true",
           "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
           "permessage-deflate; client_max_window_bits; client_max_window_bits=10",
           "permessage-deflate; client_max_window_bits=7",
           "permessage-deflate; client_max_window_bits=16",
           "permessage-deflate; client_max_window_bits=08",
           "permessage-deflate; client_max_window_bits=+9",
           "permessage-deflate; server_max_window_bits",
           "permessage-deflate; server_max_window_bits=16",
           "permessage-deflate; server_max_window_bits=15; server_max_window_bits=15",
           // All clients share what is compressed, with the whole window.
           "permessage-deflate; server_max_window_bits=14",
           "permessage-deflate; server_max_window_bits=8",
       }) {
    EXPECT_EQ(Answer(offer), "") << offer;
  }
}

TEST(WebSocketDeflateTest, TakesTheFirstOfferThatItCan) {
  EXPECT_EQ(Answer("permessage-deflate; server_max_window_bits=10, permessage-deflate"), kAccepted);
  EXPECT_EQ(Answer("mux; max-channels=4, permessage-deflate; unknown, ,permessage-deflate; server_max_window_bits=15,"
                   "permessage-deflate"),
            kWithWindow);
}

TEST(WebSocketDeflateTest, RefusesWhatIsNoListOfExtensions) {
  for (const char* header : {
           ";",
           "permessage-deflate;",
           "permessage-deflate; ;",
           "permessage-deflate; =1",
           "permessage-deflate; a=",
           "permessage-deflate; a=\"",
           "permessage-deflate; a=\"\"",
           "permessage-deflate; a=\"b c\"",
           "permessage-deflate; a=\"b\\",
           "permessage-deflate; a=b c",
           "permessage-deflate x",
           "a=1",
           "a@b",
           "\xff",
       }) {
    EXPECT_EQ(Answer(header), "Sec-WebSocket-Extensions: must be a list of extensions (RFC 6455 section 9.1)")
        << header;
  }
}

}  // namespace
}  // namespace atrium
