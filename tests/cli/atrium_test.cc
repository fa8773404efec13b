// The binary itself, against servers in this process and of its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/cli/run_atrium.h"
#include "tests/support/process.h"
#include "tests/support/temp_directory.h"
#include "tests/support/test_server.h"

namespace atrium {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

constexpr char kNobody[] = "127.0.0.1:1";

class AtriumTest : public testing::Test {
 protected:
  // What a command prints, which must go well.
  std::string Out(const Words& words) const {
    const Ran ran = RunAtrium(words, address());
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_THAT(ran.err, IsEmpty());
    return ran.out;
  }
  // What it says as it fails.
  std::string Failure(const Words& words) const {
    const Ran ran = RunAtrium(words, address());
    EXPECT_EQ(ran.code, 1) << ran.out;
    return ran.err;
  }
  std::string address() const { return absl::StrCat("127.0.0.1:", server_.grpc_port()); }

  TestServer server_;
};

const Words kCommands = {"tail", "emit", "join", "state", "call", "history", "rooms", "stats", "verify"};

TEST(AtriumUsageTest, HelpTeaches) {
  const Ran all = RunAtrium({"--help"});
  EXPECT_EQ(all.code, 0);
  for (const std::string& command : kCommands) {
    EXPECT_THAT(all.out, HasSubstr(absl::StrCat("\n  ", command, " ")));
    const Ran one = RunAtrium({command, "--help"});
    EXPECT_EQ(one.code, 0);
    EXPECT_THAT(one.out,
                AllOf(StartsWith("atrium " + command), HasSubstr("\n  atrium " + command), HasSubstr("--json")));
  }
}

TEST(AtriumUsageTest, ACallThatIsWrongSaysWhatIsRight) {
  const auto refusal = [](const Words& words) {
    const Ran ran = RunAtrium(words, kNobody);
    EXPECT_EQ(ran.code, 2) << ran.err;
    EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << ran.err;
    EXPECT_THAT(ran.out, IsEmpty());
    return ran.err;
  };
  EXPECT_THAT(refusal({}), HasSubstr("name a command (see atrium --help)"));
  EXPECT_THAT(refusal({"dance"}), HasSubstr("there is no command 'dance'"));
  EXPECT_THAT(refusal({"emit", "a"}), HasSubstr("call it as: atrium emit ROOM EVENT [JSON]"));
  EXPECT_THAT(refusal({"tail", "a", "b"}), HasSubstr("call it as: atrium tail ROOM"));
  EXPECT_THAT(refusal({"tail", "a", "--colour"}), HasSubstr("colour"));
  EXPECT_THAT(refusal({"tail", "a", "--since", "7"}), HasSubstr("--since must be a position"));
  EXPECT_THAT(refusal({"emit", "a", "b", "{x"}), HasSubstr("is not JSON"));
  EXPECT_THAT(refusal({"state", "a", "--set", "x"}), HasSubstr("--set is not JSON"));
  EXPECT_THAT(refusal({"state", "a", "--expect-offset", "7"}), HasSubstr("go with --set"));
  EXPECT_THAT(refusal({"stats", "--address", "nowhere"}), HasSubstr("--address must be HOST:PORT"));
  EXPECT_THAT(refusal({"verify", "--clients", "0"}), HasSubstr("--clients must be from 1 to 1000"));
}

TEST(AtriumUsageTest, AServerThatIsNotThereIsNamedAndWhatToDo) {
  const std::vector<Words> calls = {
      {"tail", "a"},    {"emit", "a", "b"}, {"join", "a"}, {"state", "a"}, {"call", "a:b", "c"},
      {"history", "a"}, {"rooms"},          {"stats"},     {"verify"}};
  for (const Words& words : calls) {
    const Ran ran = RunAtrium(words, kNobody);
    EXPECT_EQ(ran.code, 1) << words.front();
    EXPECT_THAT(ran.err,
                AllOf(HasSubstr("atrium: no atriumd answers at 127.0.0.1:1: start one with `atriumd --dev`, or "
                                "name another with --address ("),
                      EndsWith(")\n")));
  }
}

TEST_F(AtriumTest, ShowsAndChangesAState) {
  EXPECT_THAT(Failure({"state", "a"}), HasSubstr("Room 'a' not found"));
  EXPECT_THAT(Out({"state", "a", "--set", R"({"x": [1, "two"]})"}), ContainsRegex("^[0-9a-f]+:1\n$"));
  EXPECT_THAT(Out({"state", "a"}), ContainsRegex("^[0-9a-f]+:1 \\{\"x\":\\[1,\"two\"\\]\\}\n$"));
  EXPECT_THAT(Out({"--json", "state", "a"}), HasSubstr(R"({"state":{"x":[1,"two"]},"position":{"epoch":")"));
  EXPECT_THAT(Out({"state", "a", "--set", R"({"x": 2})", "--expect-offset", "1"}), HasSubstr(":2\n"));
  EXPECT_THAT(Failure({"state", "a", "--set", R"({"x": 3})", "--expect-offset", "1"}), HasSubstr("has changed since"));
  EXPECT_THAT(Failure({"state", "chat:a", "--set", "{}"}), HasSubstr("Room state is server-only"));
}

TEST_F(AtriumTest, EmitsCallsAndShowsHistory) {
  EXPECT_EQ(Out({"emit", "a", "hi"}), "nobody got it: there is no room a\n");
  Out({"state", "a", "--set", "{}"});
  EXPECT_THAT(Out({"emit", "a", "hi", R"({"n": 1})", "--key", "k"}), HasSubstr(":1 handed to 0\n"));
  EXPECT_THAT(Out({"emit", "a", "hi", R"({"n": 1})", "--key", "k"}), HasSubstr(":1 handed to 0\n"));
  EXPECT_EQ(Out({"emit", "a", "hi", "--volatile"}), "handed to 0\n");
  EXPECT_THAT(Out({"emit", "a", "hi", "--to", "x", "--to", "y", "--json"}), HasSubstr(R"("notified":0)"));
  EXPECT_THAT(Out({"emit", "a", "minus", "--exclude", "x", "--", "-5"}), HasSubstr(":3 "));
  EXPECT_THAT(Failure({"emit", "a", "$own"}), HasSubstr("event"));
  const Words lines = absl::StrSplit(Out({"history", "a"}), '\n');
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_THAT(lines[0], EndsWith(R"(:1 event hi {"n":1})"));
  EXPECT_THAT(lines[1], EndsWith(":3 event minus -5"));
  EXPECT_THAT(Out({"history", "a", "--since", lines[0].substr(0, lines[0].find(' '))}), Not(HasSubstr("event hi")));
  EXPECT_THAT(Out({"history", "a", "--json"}), StartsWith(R"({"event":{"roomId":"a","offset":"1",)"));

  EXPECT_THAT(Out({"call", "counter:a", "increment", R"({"username": "Ana"})"}),
              AllOf(HasSubstr(R"("count":1)"), HasSubstr(R"("updatedBy":"Ana")")));
  EXPECT_THAT(Failure({"call", "counter:a", "dance"}), HasSubstr("have no method 'dance'"));
}

TEST_F(AtriumTest, ListsRoomsAndStatistics) {
  EXPECT_EQ(Out({"rooms"}), "no rooms\n");
  Out({"state", "a", "--set", "{}"});
  Out({"call", "counter:b", "increment"});
  EXPECT_THAT(Out({"rooms"}), AllOf(StartsWith("ROOM "), HasSubstr("\na  "), HasSubstr("\ncounter:b  counter  ")));
  EXPECT_THAT(Out({"rooms", "--filter", "type = counter"}), Not(HasSubstr("\na  ")));
  EXPECT_THAT(Out({"rooms", "--json"}), StartsWith(R"({"id":"a","type":"",)"));
  EXPECT_EQ(server_.Call("PATCH", "/api/rooms/a", R"({"unlisted":true})").status, 200);
  EXPECT_THAT(Out({"rooms"}), Not(HasSubstr("\na  ")));
  EXPECT_THAT(Out({"rooms", "--all"}), HasSubstr("\na  "));
  EXPECT_THAT(Failure({"rooms", "--filter", "("}), HasSubstr("filter"));
  EXPECT_THAT(Out({"stats"}), AllOf(StartsWith("2 rooms\n"), HasSubstr("\ncounter:b  0 ")));
  EXPECT_THAT(Out({"stats", "--json"}), StartsWith(R"({"success":true,)"));
}

TEST_F(AtriumTest, JoinsPrintsAndEmitsWhatIsTyped) {
  const std::string script = absl::StrCat("exec ", ATRIUM_PATH, " --address ", address(),
                                          R"( join a --user bea < <(echo 'bad {'; echo 'wave {"n": 1}'))");
  Process atrium("/bin/bash", {"-c", script}, {});
  EXPECT_THAT(atrium.ReadLine(), HasSubstr(" joined as "));
  EXPECT_THAT(atrium.ReadLine(), AllOf(HasSubstr(R"(:2 event wave {"n":1} from )"), HasSubstr("(bea)")));
  EXPECT_THAT(Out({"rooms", "--json"}), HasSubstr(R"("memberCount":1)"));
  atrium.Signal(SIGINT);
  EXPECT_EQ(atrium.ExitCode(), 0);
  EXPECT_THAT(atrium.ReadErr(), HasSubstr("the event's data is not JSON"));
  EXPECT_TRUE(Eventually([&] { return absl::StrContains(Out({"rooms", "--json"}), R"("memberCount":0)"); }));
}

TEST_F(AtriumTest, JoinsATypedRoomByTheService) {
  Process atrium(ATRIUM_PATH, {"join", "chat:a", "--payload", R"({"username": "bea"})", "--address", address()}, {});
  EXPECT_THAT(atrium.ReadLine(), AllOf(HasSubstr("snapshot members 1"), HasSubstr(R"("onlineCount":1)")));
  atrium.Signal(SIGTERM);
  EXPECT_EQ(atrium.ExitCode(), 0);
  EXPECT_THAT(Failure({"join", "chat:a", "--payload", R"({"colour": "red"})"}), HasSubstr("colour"));
}

TEST_F(AtriumTest, VerifyFindsNothingWrong) {
  const Ran ran = RunAtrium({"verify", "--seconds", "2", "--clients", "8", "--seed", "7"}, address());
  EXPECT_EQ(ran.code, 0) << ran.out << ran.err;
  EXPECT_THAT(ran.err, StartsWith("seed 7\n"));
  EXPECT_THAT(ran.out, AllOf(HasSubstr("kept    one order"), HasSubstr("kept    never more members than seats"),
                             Not(HasSubstr("BROKEN"))));
  const Ran in_json = RunAtrium({"verify", "--seconds", "1", "--json"}, address());
  boost::json::error_code error;
  const boost::json::value result = boost::json::parse(in_json.out, error);
  ASSERT_FALSE(error) << in_json.out;
  EXPECT_GT(result.at("counts").at("writesAcknowledged").as_int64(), 10);
  EXPECT_TRUE(result.at("violations").as_array().empty()) << in_json.out;
}

// Restarts a server of its own on the same ports.
class RestartTest : public testing::Test {
 protected:
  RestartTest() { Start("0", "0"); }

  void Start(const std::string& grpc, const std::string& http) {
    server_ = std::make_unique<Process>(
        ATRIUMD_PATH, Words{"--dev", "--data-dir=" + directory_.path(), "--grpc-address=127.0.0.1:" + grpc,
                            "--http-address=127.0.0.1:" + http, "--admin-address=127.0.0.1:0"});
    const std::string ready = server_->ReadLine();
    grpc_ = std::to_string(PortOf(ready, "grpc=127.0.0.1:"));
    http_ = std::to_string(PortOf(ready, "http=127.0.0.1:"));
  }
  void Kill() {
    server_->Signal(SIGKILL);
    server_->ExitCode();
  }
  std::string address() const { return "127.0.0.1:" + grpc_; }
  void Emit(const std::string& room, const std::string& event) const {
    EXPECT_EQ(RunAtrium({"emit", room, event}, address()).code, 0);
  }

  const TempDirectory directory_;
  std::string grpc_;
  std::string http_;
  std::unique_ptr<Process> server_;
};

TEST_F(RestartTest, TailGoesOnBehindARestart) {
  Process tail(ATRIUM_PATH, {"tail", "chat:a", "--address", address()}, {});
  EXPECT_THAT(tail.ReadLine(), HasSubstr("snapshot members 0"));
  Emit("chat:a", "before");
  EXPECT_THAT(tail.ReadLine(), HasSubstr(":1 event before"));
  Kill();
  Start(grpc_, http_);
  Emit("chat:a", "after");
  EXPECT_THAT(tail.ReadLine(), HasSubstr("snapshot recovered"));
  EXPECT_THAT(tail.ReadLine(), HasSubstr(":2 event after"));
  tail.Signal(SIGINT);
  EXPECT_EQ(tail.ExitCode(), 0);
  EXPECT_THAT(tail.ReadErr(),
              AllOf(HasSubstr("the connection was lost; going on from"), HasSubstr("nothing was missed")));
}

TEST_F(RestartTest, TailSaysWhenSomethingIsGone) {
  EXPECT_EQ(RunAtrium({"state", "a", "--set", "{}"}, address()).code, 0);
  Process tail(ATRIUM_PATH, {"tail", "a", "--address", address(), "--json"}, {});
  EXPECT_THAT(tail.ReadLine(), StartsWith(R"({"snapshot":{)"));
  Kill();
  Start(grpc_, http_);
  EXPECT_THAT(tail.ReadLine(), HasSubstr(R"("recovered":false)"));
  tail.Signal(SIGTERM);
  EXPECT_EQ(tail.ExitCode(), 0);
  EXPECT_THAT(tail.ReadErr(), HasSubstr("what was missed is not kept any more"));
}

}  // namespace
}  // namespace atrium
