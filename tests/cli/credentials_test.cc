// What the binary shows of who calls, and the keys that it makes.
#include "tests/support/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "tests/cli/run_atrium.h"
#include "tests/support/process.h"
#include "tests/support/temp_directory.h"
#include "tests/support/test_server.h"

namespace atrium {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;

constexpr char kNobody[] = "127.0.0.1:1";
constexpr char kGrants[] = R"([{"room":"a","can":["join","emit","watch"]}])";
constexpr char kVerifyGrants[] = R"([{"room":"verify-*","can":["join","emit","set_state"]}])";

// Some of a secret, which nothing that is printed may have.
std::string PartOf(const std::string& secret) { return secret.substr(secret.size() - 20); }

class CredentialsTest : public testing::Test {
 protected:
  // Returns the path of a file of that name with that content.
  std::string File(const std::string& name, const std::string& content) const {
    std::string path = absl::StrCat(directory_.path(), "/", name);
    WriteFile(path, content);
    return path;
  }
  std::string KeyFile() const { return File("all.key", absl::StrCat(TestCredentials::Secret("all"), "\n")); }
  std::string TokenFile(const std::string& token) const { return File("bea.jwt", token + "\n"); }
  Ran Run(const Words& words, const Words& environment = {}) const { return RunAtrium(words, address(), environment); }
  std::string address() const { return absl::StrCat("127.0.0.1:", server_.grpc_port()); }

  const TempDirectory directory_;
  const TestCredentials credentials_{{TestCredentials::Key("reader", R"([{methods: ["Get*"]}])")}};
  TestServer server_{credentials_.Flags()};
};

// ---- Keys

TEST_F(CredentialsTest, CallsShowTheKeyOfAFile) {
  EXPECT_EQ(Run({"state", "a", "--set", R"({"x":1})", "--key-file", KeyFile()}).code, 0);
  EXPECT_EQ(Run({"--key-file", KeyFile(), "stats"}).code, 0);
  const Ran ran = Run({"rooms", "--json"}, {"ATRIUM_KEY_FILE=" + KeyFile()});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, StartsWith(R"({"id":"a",)"));
}

TEST_F(CredentialsTest, TailShowsTheKey) {
  const Words environment = {"ATRIUM_KEY_FILE=" + KeyFile(), "ATRIUM_ADDRESS=" + address()};
  ASSERT_EQ(Run({"state", "a", "--set", "{}"}, environment).code, 0);
  Process tail(ATRIUM_PATH, {"tail", "a"}, environment);
  EXPECT_THAT(tail.ReadLine(), HasSubstr("snapshot members 0"));
  EXPECT_EQ(Run({"emit", "a", "hi"}, environment).code, 0);
  EXPECT_THAT(tail.ReadLine(), HasSubstr("event hi"));
  tail.Signal(SIGTERM);
  EXPECT_EQ(tail.ExitCode(), 0);
}

TEST_F(CredentialsTest, WhoShowsNothingIsToldWhatToShow) {
  const std::string hint = "A token or key is required (show a key by --key-file or ATRIUM_KEY_FILE)\n";
  for (const Words& words : std::vector<Words>{{"stats"}, {"tail", "a"}, {"join", "a"}, {"verify", "--seed", "1"}}) {
    const Ran ran = Run(words);
    EXPECT_EQ(ran.code, 1);
    EXPECT_THAT(ran.err, EndsWith("atrium: " + hint));
  }
}

TEST_F(CredentialsTest, AKeyThatIsNotTakenIsNamedButNotRepeated) {
  const std::string secret = absl::StrCat("atk_all_", std::string(43, 'y'));
  const std::string path = File("wrong.key", secret);
  for (const Words& words : std::vector<Words>{{"stats"}, {"tail", "a"}, {"join", "a"}, {"verify", "--seed", "1"}}) {
    const Ran ran = Run(words, {"ATRIUM_KEY_FILE=" + path});
    EXPECT_EQ(ran.code, 1);
    EXPECT_THAT(
        ran.err,
        AllOf(EndsWith(absl::StrCat("atrium: The token or key is not valid (shown was the key in ", path, ")\n")),
              Not(HasSubstr(PartOf(secret)))));
    EXPECT_THAT(ran.out, IsEmpty());
  }
  const std::string reader = TestCredentials::Secret("reader");
  const Ran refused = Run({"emit", "a", "hi", "--key-file", File("reader.key", reader)});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("Emit"), Not(HasSubstr(PartOf(reader)))));
}

// ---- Files

TEST_F(CredentialsTest, AFileThatIsNoSecretIsToldAndNotRepeated) {
  const auto refusal = [](const Words& words, const Words& environment = {}) {
    const Ran ran = RunAtrium(words, kNobody, environment);
    EXPECT_EQ(ran.code, 2) << ran.err;
    EXPECT_THAT(ran.out, IsEmpty());
    EXPECT_THAT(ran.err, AllOf(StartsWith("atrium: "), EndsWith("\n"), Not(HasSubstr("xxxxx"))));
    return ran.err;
  };
  const std::string secret = TestCredentials::Secret("all");
  const std::string missing = directory_.path() + "/missing";
  EXPECT_THAT(refusal({"stats", "--key-file", missing}),
              HasSubstr("--key-file " + missing + " cannot be read: No such"));
  EXPECT_THAT(refusal({"stats", "--token-file", missing}), HasSubstr("--token-file " + missing + " cannot be read"));
  EXPECT_THAT(refusal({"stats"}, {"ATRIUM_KEY_FILE=" + missing}), HasSubstr("ATRIUM_KEY_FILE " + missing + " cannot"));
  EXPECT_THAT(refusal({"stats", "--key-file", directory_.path()}), HasSubstr("Is a directory"));
  EXPECT_THAT(refusal({"stats", "--key-file", File("empty", " \n")}), HasSubstr("/empty is empty"));
  EXPECT_THAT(refusal({"stats", "--key-file", File("two", secret + "\n" + secret)}), HasSubstr("must hold one word"));
  EXPECT_THAT(refusal({"stats", "--key-file", File("zero", secret + '\0')}), HasSubstr("must hold one word"));
  EXPECT_THAT(refusal({"stats", "--key-file", File("long", std::string(9000, 'x'))}), HasSubstr("more than 8192"));
  EXPECT_THAT(refusal({"stats", "--key-file", File("other", "xxxxxxxx")}), HasSubstr("holds no service key"));
  EXPECT_THAT(refusal({"stats", "--token-file", File("key", secret)}), HasSubstr("shown by --key-file"));
  EXPECT_THAT(refusal({"stats", "--key-file", secret}), HasSubstr("not the secret itself"));
}

TEST_F(CredentialsTest, AFlagOutranksTheEnvironmentAndOneIsEnough) {
  const std::string key = KeyFile();
  const std::string token = TokenFile(credentials_.Token("bea", kGrants));
  const Words both = {"ATRIUM_KEY_FILE=" + key, "ATRIUM_TOKEN_FILE=" + token};
  EXPECT_EQ(Run({"stats", "--key-file", key}, {"ATRIUM_TOKEN_FILE=" + token}).code, 0);
  EXPECT_THAT(Run({"stats", "--token-file", token}, {"ATRIUM_KEY_FILE=" + key}).err, HasSubstr("Only services"));
  EXPECT_EQ(Run({"stats"}, {"ATRIUM_KEY_FILE=" + key, "ATRIUM_TOKEN_FILE="}).code, 0);
  const Ran flags = Run({"stats", "--key-file", key, "--token-file", token});
  EXPECT_EQ(flags.code, 2);
  EXPECT_THAT(flags.err, HasSubstr("--key-file and --token-file are both given: stats shows one"));
  const Ran environment = Run({"stats"}, both);
  EXPECT_EQ(environment.code, 2);
  EXPECT_THAT(environment.err, HasSubstr("ATRIUM_KEY_FILE and ATRIUM_TOKEN_FILE are both given"));
}

// ---- Sessions

TEST_F(CredentialsTest, JoinShowsTheTokenInItsHello) {
  const std::string token = TokenFile(credentials_.Token("bea", kGrants));
  const std::string script =
      absl::StrCat("exec ", ATRIUM_PATH, " --address ", address(), " join a --token-file ", token, " < <(echo wave)");
  Process atrium("/bin/bash", {"-c", script}, {});
  EXPECT_THAT(atrium.ReadLine(), HasSubstr(" joined as "));
  EXPECT_THAT(atrium.ReadLine(), AllOf(HasSubstr(" event wave"), HasSubstr("(bea)")));
  atrium.Signal(SIGTERM);
  EXPECT_EQ(atrium.ExitCode(), 0);
  EXPECT_THAT(atrium.ReadErr(), IsEmpty());
  EXPECT_THAT(Run({"join", "b", "--token-file", token}).err,
              HasSubstr("No grant of the token allows join in room 'b'"));
  EXPECT_EQ(Run({"join", "a", "--token-file", token, "--user", "bea"}).code, 2);
}

TEST_F(CredentialsTest, JoinRefreshesATokenThatExpires) {
  const std::string token = TokenFile(credentials_.TokenWith("bea", {.rooms = kGrants, .ttl = absl::Seconds(50)}));
  Process atrium(ATRIUM_PATH, {"join", "a", "--token-file", token, "--address", address()}, {});
  EXPECT_THAT(atrium.ReadLine(), HasSubstr("expiring"));
  EXPECT_THAT(atrium.ReadLine(), HasSubstr(" joined as "));
  // A room that the new token does not grant any more is left, which shows that it has come.
  TokenFile(credentials_.Token("bea"));
  EXPECT_EQ(atrium.ReadLine(), "- left LEAVE_REASON_ACCESS_REVOKED\n");
  atrium.Signal(SIGTERM);
  EXPECT_EQ(atrium.ExitCode(), 0);
}

TEST_F(CredentialsTest, JoinEntersATypedRoomByAKeyBesideTheToken) {
  const std::string token = TokenFile(credentials_.Token("bea"));
  Process atrium(ATRIUM_PATH,
                 {"join", "chat:a", "--key-file", KeyFile(), "--token-file", token, "--address", address()}, {});
  EXPECT_THAT(atrium.ReadLine(), HasSubstr("snapshot members 1"));
  atrium.Signal(SIGTERM);
  EXPECT_EQ(atrium.ExitCode(), 0);
}

TEST_F(CredentialsTest, ASessionThatIsNotLetInIsToldOnce) {
  const std::string hint =
      "atrium: A token or key is required (3500) (show a token by --token-file or ATRIUM_TOKEN_FILE)\n";
  EXPECT_EQ(Run({"join", "a", "--key-file", KeyFile()}).err, hint);
  EXPECT_THAT(Run({"join", "a", "--key-file", KeyFile(), "--user", "bea"}).err,
              HasSubstr("The token or key is not valid (3500)"));
  const std::string expired = credentials_.TokenWith("bea", {.ttl = -absl::Hours(1), .more = R"(,"nbf":0)"});
  const Ran ran = Run({"join", "a", "--token-file", TokenFile(expired)});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, AllOf(StartsWith("atrium: The token or key is not valid"), Not(HasSubstr(PartOf(expired)))));
}

TEST(AnonymousTest, JoinShowsAKeyOrNothing) {
  const TestCredentials credentials;
  Words flags = credentials.Flags();
  flags.push_back("--allow-anonymous=a");
  const TestServer server(flags);
  const TempDirectory directory;
  const std::string key = directory.path() + "/key";
  WriteFile(key, TestCredentials::Secret("all"));
  for (const Words& more : std::vector<Words>{{}, {"--key-file", key}}) {
    Words words = {"join", "a", "--address", absl::StrCat("127.0.0.1:", server.grpc_port())};
    words.insert(words.end(), more.begin(), more.end());
    Process atrium(ATRIUM_PATH, words, {});
    EXPECT_THAT(atrium.ReadLine(), HasSubstr(" joined as "));
    atrium.Signal(SIGTERM);
    EXPECT_EQ(atrium.ExitCode(), 0);
  }
}

TEST(VerifyTest, ShowsAKeyAndAToken) {
  const TestCredentials credentials;
  Words flags = credentials.Flags();
  flags.push_back("--max-sessions-per-user=0");
  const TestServer server(flags);
  const std::string address = absl::StrCat("127.0.0.1:", server.grpc_port());
  const TempDirectory directory;
  const std::string key = directory.path() + "/key";
  const std::string token = directory.path() + "/token";
  WriteFile(key, TestCredentials::Secret("all"));
  WriteFile(token, credentials.Token("bea", kVerifyGrants));
  const Words run = {"verify", "--seconds", "1", "--clients", "4", "--seed", "7", "--key-file", key};
  Words with_token = run;
  with_token.insert(with_token.end(), {"--token-file", token});
  const Ran ran = RunAtrium(with_token, address);
  EXPECT_EQ(ran.code, 0) << ran.out << ran.err;
  EXPECT_THAT(ran.out, Not(HasSubstr("BROKEN")));
  const Ran without = RunAtrium(run, address);
  EXPECT_EQ(without.code, 1);
  EXPECT_THAT(without.err, HasSubstr("The token or key is not valid (3500) (show a token by --token-file"));
}

// ---- Keys that are made

TEST(KeygenTest, AServerTakesWhatIsMade) {
  const Ran made = RunAtrium({"keygen", "--id", "shop.eu_1-b", "--scopes-for", "Get*, ListRooms"});
  EXPECT_EQ(made.code, 0) << made.err;
  EXPECT_THAT(made.out, MatchesRegex("atk_shop\\.eu_1-b_[A-Za-z0-9_-]{43}\n"));
  EXPECT_THAT(made.err, MatchesRegex("keys:\n  - id: shop\\.eu_1-b\n    sha256: [0-9a-f]{64}\n    scopes:\n"
                                     "      - methods: \\[\"Get\\*\", \"ListRooms\"\\]\n"));
  const TempDirectory directory;
  const std::string key = directory.path() + "/key";
  WriteFile(key, made.out);
  WriteFile(directory.path() + "/keys.yaml", made.err);
  const TestServer server({absl::StrCat("--service-keys=", directory.path(), "/keys.yaml")});
  const std::string address = absl::StrCat("127.0.0.1:", server.grpc_port());
  EXPECT_EQ(RunAtrium({"stats", "--key-file", key}, address).code, 0);
  EXPECT_THAT(RunAtrium({"emit", "a", "hi", "--key-file", key}, address).err, HasSubstr("Emit"));
}

TEST(KeygenTest, EachIsAnother) {
  const Ran first = RunAtrium({"keygen", "--id", "007"});
  const Ran second = RunAtrium({"keygen", "--id", "007"});
  EXPECT_NE(first.out, second.out);
  EXPECT_THAT(first.err, AllOf(HasSubstr("id: \"007\"\n"), HasSubstr("methods: [\"*\"]"),
                               Not(HasSubstr(PartOf(std::string(absl::StripSuffix(first.out, "\n")))))));
}

TEST(KeygenTest, ACallThatIsWrongSaysWhatIsRight) {
  const auto refusal = [](const Words& words) {
    const Ran ran = RunAtrium(words);
    EXPECT_EQ(ran.code, 2) << ran.err;
    EXPECT_THAT(ran.out, IsEmpty());
    return ran.err;
  };
  EXPECT_THAT(refusal({"keygen"}), HasSubstr("name the key with --id"));
  EXPECT_THAT(refusal({"keygen", "--id", "a", "--jwk"}), HasSubstr("--id and --jwk are both given"));
  EXPECT_THAT(refusal({"keygen", "--id", "a", "--kid", "b"}), HasSubstr("--kid goes with --jwk"));
  EXPECT_THAT(refusal({"keygen", "--id", "a", "RS256"}), HasSubstr("an algorithm goes with --jwk"));
  EXPECT_THAT(refusal({"keygen", "--jwk", "--scopes-for", "Emit"}), HasSubstr("--scopes-for goes with --id"));
  EXPECT_THAT(refusal({"keygen", "--jwk", "--kid", "a b"}), HasSubstr("--kid must be 1-64 letters"));
  EXPECT_THAT(refusal({"keygen", "--jwk", "RS512"}), HasSubstr("--jwk must be one of ES256, RS256 and HS256"));
  EXPECT_THAT(refusal({"keygen", "--jwk=RS256", "HS256"}), HasSubstr("--jwk must be one of"));
  for (const std::string& id : Words{"a b", "a/b", "olá", std::string(65, 'a')}) {
    EXPECT_THAT(refusal({"keygen", "--id", id}), HasSubstr("--id must be 1-64 letters"));
  }
  for (const char* methods : {"", "Emit,", "*Emit", "E\"mit"}) {
    EXPECT_THAT(refusal({"keygen", "--id", "a", absl::StrCat("--scopes-for=", methods)}), HasSubstr("scopes-for"));
  }
  EXPECT_EQ(RunAtrium({"keygen", "--id", std::string(64, 'a')}, "not an address").code, 0);
  EXPECT_THAT(RunAtrium({"keygen", "--help"}).out, AllOf(HasSubstr("atrium keygen --id shop > shop.key"),
                                                         HasSubstr("--service-keys"), Not(HasSubstr("--address"))));
}

}  // namespace
}  // namespace atrium
