// Keys for signing tokens, tokens that are signed with them, and what is said of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/cli/run_atrium.h"
#include "tests/support/credentials.h"
#include "tests/support/http_client.h"
#include "tests/support/process.h"
#include "tests/support/temp_directory.h"
#include "tests/support/test_server.h"

namespace atrium {
namespace {

namespace json = boost::json;

using testing::AllOf;
using testing::ContainsRegex;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;

std::string Line(const std::string& text) { return std::string(absl::StripSuffix(text, "\n")); }

// Returns the JSON of a part of a token.
json::object PartOf(const std::string& token, size_t part) {
  const std::vector<std::string> parts = absl::StrSplit(token, '.');
  std::string text;
  EXPECT_TRUE(parts.size() == 3 && absl::WebSafeBase64Unescape(parts[part], &text));
  return json::parse(text).as_object();
}

class TokensTest : public testing::Test {
 protected:
  // Returns the path of a file of that name with that content, which only its owner may read.
  std::string File(const std::string& name, const std::string& content) const {
    std::string path = absl::StrCat(directory_.path(), "/", name);
    WriteFile(path, content);
    using std::filesystem::perms;
    std::filesystem::permissions(path, perms::owner_read | perms::owner_write);
    return path;
  }
  // Makes a key, and puts it into `tokens.jwk` and `jwks.json`.
  void MakeKey(const std::string& algorithm = "ES256") {
    const Ran made = RunAtrium({"keygen", "--jwk", algorithm, "--kid", "k1"});
    ASSERT_EQ(made.code, 0) << made.err;
    jwk_ = File("tokens.jwk", made.out);
    jwks_ = File("jwks.json", made.err);
    secrets_ = json::parse(made.out).as_object();
  }
  Ran Token(const Words& more) const {
    Words words = {"token", "--jwk", jwk_};
    words.insert(words.end(), more.begin(), more.end());
    return RunAtrium(words);
  }
  // Returns a token of ana, and the path of a file that holds it.
  std::string AnasToken(const Words& more = {}) const {
    Words words = {"--sub", "ana", "--iss", "shop"};
    words.insert(words.end(), more.begin(), more.end());
    const Ran made = Token(words);
    EXPECT_EQ(made.code, 0);
    EXPECT_THAT(made.err, IsEmpty());
    return Line(made.out);
  }
  std::string AnasFile(const Words& more = {}) const { return File("ana.jwt", AnasToken(more)); }
  Ran Check(const std::string& file, const Words& more = {}) const {
    Words words = {"check-token", "--jwks", jwks_, file};
    words.insert(words.end(), more.begin(), more.end());
    if (std::find(words.begin(), words.end(), "--aud") == words.end()) words.insert(words.end(), {"--aud", "atrium"});
    return RunAtrium(words);
  }
  // Returns why a token of a file is refused.
  std::string Refusal(const std::string& file, const Words& more = {}) const {
    const Ran ran = Check(file, more);
    EXPECT_EQ(ran.code, 1);
    EXPECT_THAT(ran.out, IsEmpty());
    EXPECT_THAT(ran.err, Not(ContainsRegex("[A-Za-z0-9_-]{40}")));
    return ran.err;
  }
  // Returns what is said to a call that is wrong, which never has any of the secrets.
  std::string Wrong(const Words& words) const {
    const Ran ran = RunAtrium(words);
    EXPECT_EQ(ran.code, 2) << ran.err;
    EXPECT_THAT(ran.out, IsEmpty());
    EXPECT_THAT(ran.err, AllOf(StartsWith("atrium: "), EndsWith("\n"), Not(ContainsRegex("[A-Za-z0-9_-]{40}"))));
    return ran.err;
  }

  const TempDirectory directory_;
  std::string jwk_;
  std::string jwks_;
  json::object secrets_;
};

class AlgorithmTest : public TokensTest, public testing::WithParamInterface<const char*> {};

INSTANTIATE_TEST_SUITE_P(Each, AlgorithmTest, testing::Values("ES256", "RS256", "HS256"),
                         [](const auto& parameter) { return std::string(parameter.param); });

TEST_P(AlgorithmTest, AServerTakesTokensOfAKeyThatIsMade) {
  MakeKey(GetParam());
  const TestServer server({"--client-jwks=" + jwks_, "--client-audience=atrium", "--client-issuer=shop"});
  const std::string token = AnasToken({"--room", "geral=join,members", "--info", R"({"name":"Ana"})"});
  const std::string address = absl::StrCat("127.0.0.1:", server.grpc_port());
  Process atrium(ATRIUM_PATH, {"join", "geral", "--token-file", File("ana.jwt", token), "--address", address}, {});
  EXPECT_THAT(atrium.ReadLine(), HasSubstr(" joined as "));
  const HttpReply members =
      CallHttp(server.http_port(),
               {.path = "/api/rooms/geral/members", .headers = {{"Authorization", "Bearer " + token}}, .body = ""});
  EXPECT_EQ(members.status, 200);
  EXPECT_THAT(members.body, AllOf(HasSubstr(R"("userId":"ana")"), HasSubstr(R"("info":{"name":"Ana"})")));
  atrium.Signal(SIGTERM);
  EXPECT_EQ(atrium.ExitCode(), 0);
}

TEST_P(AlgorithmTest, OnlyThePublicPartIsForTheServer) {
  MakeKey(GetParam());
  const bool secret = secrets_.at("kty") == "oct";
  EXPECT_EQ(secrets_.at("kid"), "k1");
  const Ran made = RunAtrium({"keygen", absl::StrCat("--jwk=", GetParam())});
  EXPECT_THAT(made.out, MatchesRegex("\\{[^\n]*\\}\n"));
  const json::object set = json::parse(made.err).as_object();
  const json::object jwk = json::parse(made.out).as_object();
  for (const auto& [name, value] : jwk) {
    const bool is_private = value.as_string().size() > 40 && name != "x" && name != "y" && name != "n" && !secret;
    EXPECT_EQ(set.at("keys").at(0).as_object().contains(name), !is_private) << name;
  }
  EXPECT_THAT(TextOf(set.at("keys").at(0).at("kid")), MatchesRegex("[0-9a-f]{16}"));
}

// ---- Tokens

TEST_F(TokensTest, ATokenSaysWhatFlagsSay) {
  MakeKey();
  const std::string token = AnasToken({"--room", "geral=join,emit", "--room", "chat:*=watch", "--component", "Counter",
                                       "--max-connections", "3", "--ttl", "90s"});
  EXPECT_EQ(json::serialize(PartOf(token, 0)), R"({"alg":"ES256","typ":"JWT","kid":"k1"})");
  json::object claims = PartOf(token, 1);
  EXPECT_EQ(claims.at("exp").as_int64() - claims.at("iat").as_int64(), 90);
  EXPECT_NE(claims.at("jti"), PartOf(AnasToken(), 1).at("jti"));
  for (const char* name : {"exp", "iat", "jti"}) claims.erase(name);
  EXPECT_EQ(json::value(claims), json::parse(R"({"sub": "ana", "iss": "shop", "aud": "atrium", "max_connections": 3,
      "rooms": [{"room": "geral", "can": ["join", "emit"]}, {"room": "chat:*", "can": ["watch"]}],
      "components": ["Counter"]})"));
}

TEST_F(TokensTest, AFileSaysWhatNoFlagSays) {
  MakeKey();
  const std::string more = File("more.json", R"({"nbf": 7, "aud": ["a", "b"], "rooms": []})");
  const json::object claims = PartOf(AnasToken({"--claims", more}), 1);
  EXPECT_EQ(claims.at("nbf"), 7);
  EXPECT_EQ(claims.at("aud"), json::parse(R"(["a","b"])"));
  EXPECT_THAT(Token({"--sub", "ana", "--room", "a=join", "--claims", more}).err,
              HasSubstr("has 'rooms', which a flag"));
}

TEST_F(TokensTest, SecretsInFilesThatEverybodyMayReadAreWarnedOf) {
  MakeKey();
  std::filesystem::permissions(jwk_, std::filesystem::perms::others_read, std::filesystem::perm_options::add);
  const Ran ran = Token({"--sub", "ana"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.err, absl::StrCat("atrium: warning: everybody on this machine may read ", jwk_,
                                  ", the key that signs tokens\n"));
}

TEST_F(TokensTest, HelpTeaches) {
  EXPECT_THAT(RunAtrium({"token", "--help"}).out,
              AllOf(HasSubstr("\n  (umask 077; atrium token --jwk "), HasSubstr("for trials and scripts"),
                    HasSubstr("JWT library of its language"), Not(HasSubstr("--address"))));
  EXPECT_THAT(RunAtrium({"check-token", "--help"}).out,
              AllOf(HasSubstr("\n  atrium check-token --jwks "), HasSubstr("--json"), Not(HasSubstr("--address"))));
  EXPECT_THAT(RunAtrium({"keygen", "--help"}).out, HasSubstr("The key of HS256 is one secret for both"));
}

TEST_F(TokensTest, ACallThatIsWrongSaysWhatIsRight) {
  MakeKey();
  const auto wrong = [this](const Words& more) {
    Words words = {"token", "--jwk", jwk_, "--sub", "ana"};
    words.insert(words.end(), more.begin(), more.end());
    return Wrong(words);
  };
  EXPECT_THAT(Wrong({"token", "--sub", "ana"}), HasSubstr("the private key with --jwk"));
  EXPECT_THAT(Wrong({"token", "--jwk", jwk_}), HasSubstr("name the user with --sub"));
  EXPECT_THAT(wrong({"--room", "geral=jion"}),
              HasSubstr("--room geral: there is no verb 'jion', only: join, emit, set_state, call, watch, history, "));
  for (const char* grant : {"geral", "geral=", "=join"}) {
    EXPECT_THAT(wrong({"--room", grant}), HasSubstr("--room must be PATTERN=VERB,VERB"));
  }
  EXPECT_THAT(wrong({"--ttl", "0s"}), HasSubstr("--ttl must be a duration"));
  EXPECT_THAT(wrong({"--info", "[]"}), HasSubstr("--info: must be a JSON object"));
  EXPECT_THAT(wrong({"--max-connections", "0"}), HasSubstr("--max-connections must be from 1 to 1000"));
  EXPECT_THAT(wrong({"--claims", jwk_ + "x"}), HasSubstr("cannot be read"));
  EXPECT_THAT(Wrong({"check-token", "--aud", "a"}), HasSubstr("name the file of the keys with --jwks"));
  EXPECT_THAT(Wrong({"check-token", "--jwks", jwks_}), HasSubstr("say with --aud"));
  EXPECT_THAT(Wrong({"check-token", "--jwks", jwks_, "--aud", "a", "--leeway", "soon"}), HasSubstr("--leeway must be"));
}

TEST_F(TokensTest, AKeyThatIsNoneIsToldAndNotRepeated) {
  MakeKey();
  json::object other = secrets_;
  other["d"] = std::string(43, 'A');
  json::object published = secrets_;
  published.erase("d");
  const auto wrong = [this](const std::string& jwk) {
    return Wrong({"token", "--sub", "ana", "--jwk", File("wrong.jwk", jwk)});
  };
  EXPECT_THAT(wrong(json::serialize(other)), HasSubstr("its private part does not go with its public one"));
  EXPECT_THAT(wrong(json::serialize(published)), HasSubstr("it is a public key"));
  EXPECT_THAT(wrong(absl::StrCat(R"({"keys":[)", json::serialize(secrets_), "]}")), HasSubstr("it is a JWK Set"));
  EXPECT_THAT(wrong(json::serialize(secrets_) + "x"), HasSubstr("invalid JSON at byte"));
  EXPECT_THAT(wrong(R"({"kty":"oct","k":"c2hvcnQ"})"), HasSubstr("must have at least 32 bytes for HS256"));
  EXPECT_THAT(Wrong({"token", "--sub", "a", "--jwk", json::serialize(secrets_)}), HasSubstr("not the secret itself"));
  EXPECT_THAT(Wrong({"check-token", "--aud", "a", "--jwks", jwk_, jwk_}), HasSubstr("is a private key"));
}

// ---- What is said of them

TEST_F(TokensTest, AGoodTokenIsExplained) {
  MakeKey();
  const std::string more = File("more.json", R"({"rooms": [{"room": "chat:*", "can": ["call"], "methods": ["add"]},
      {"room": "geral", "can": ["join", "emit"]}]})");
  const std::string file = AnasFile({"--claims", more, "--info", R"({"name":"Ana"})"});
  const Ran text = Check(file, {"--iss", "shop"});
  EXPECT_EQ(text.code, 0) << text.err;
  EXPECT_THAT(text.out,
              AllOf(HasSubstr("user        ana\nissuer      shop\nexpires     20"),
                    ContainsRegex("Z \\(in (10m|9m[0-9]+s)\\)\n"), HasSubstr("info        {\"name\":\"Ana\"}\n"),
                    HasSubstr("grant       chat:*: call; methods: add\ngrant       geral: join, emit\n")));
  const Ran one = Check(file, {"--json"});
  EXPECT_EQ(one.code, 0);
  const json::value object = json::parse(one.out);
  EXPECT_EQ(object.at("valid"), true);
  EXPECT_EQ(object.at("user"), "ana");
  EXPECT_EQ(object.at("grants"), json::parse(R"([{"room":"chat:*","can":["call"],"methods":["add"]},
                                                  {"room":"geral","can":["join","emit"]}])"));
  EXPECT_THAT(one.out + text.out, Not(ContainsRegex("[A-Za-z0-9_-]{40}")));
}

TEST_F(TokensTest, ATokenComesByStdinToo) {
  MakeKey();
  for (const char* argument : {"", " -"}) {
    const std::string script =
        absl::StrCat("exec ", ATRIUM_PATH, " check-token --aud atrium --jwks ", jwks_, argument, " < ", AnasFile());
    Process atrium("/bin/bash", {"-c", script}, {});
    EXPECT_THAT(atrium.ReadOut(), HasSubstr("user        ana\n"));
    EXPECT_EQ(atrium.ExitCode(), 0);
  }
}

TEST_F(TokensTest, ATokenThatIsNotTakenIsToldWhy) {
  MakeKey();
  const std::string past = File("past.json", R"({"iat": 1000, "exp": 2000})");
  EXPECT_THAT(Refusal(AnasFile({"--claims", past})), StartsWith("atrium: expired: exp: the token expired at 1970"));
  EXPECT_THAT(Refusal(AnasFile(), {"--aud", "other"}), StartsWith("atrium: wrong_audience: aud: must be"));
  EXPECT_THAT(Refusal(AnasFile(), {"--iss", "other"}), StartsWith("atrium: wrong_issuer: iss: must be"));
  EXPECT_THAT(Refusal(AnasFile({"--room", "a*b=join"})), StartsWith("atrium: invalid_claim: rooms[0].room: "));
  std::string tampered = AnasToken();
  char& c = tampered[tampered.rfind('.') + 1];
  c = c == 'A' ? 'B' : 'A';
  EXPECT_THAT(Refusal(File("tampered", tampered)), StartsWith("atrium: bad_signature: "));
  EXPECT_THAT(Refusal(File("garbage", std::string(99, 'x'))), StartsWith("atrium: malformed: "));
  EXPECT_THAT(Refusal(File("empty", "")), StartsWith("atrium: malformed: "));
  const Ran one = Check(File("tampered", tampered), {"--json"});
  EXPECT_EQ(one.code, 1);
  EXPECT_EQ(one.out, R"({"valid":false,"fault":"bad_signature","detail":"the signature does not match"})"
                     "\n");
  EXPECT_THAT(Wrong({"check-token", "--jwks", jwks_, "--aud", "a", tampered}), HasSubstr("not the secret itself"));
}

TEST_F(TokensTest, TheLeewayLetsATokenLiveLonger) {
  MakeKey();
  const int64_t now = absl::ToUnixSeconds(absl::Now());
  const std::string past = File("past.json", absl::StrCat(R"({"iat":)", now - 100, R"(,"exp":)", now - 20, "}"));
  EXPECT_THAT(Check(AnasFile({"--claims", past})).out, HasSubstr("s ago, which the leeway allows)\n"));
  EXPECT_THAT(Refusal(AnasFile({"--claims", past}), {"--leeway", "5s"}), StartsWith("atrium: expired: "));
}

}  // namespace
}  // namespace atrium
