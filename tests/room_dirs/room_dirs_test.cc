// The three steps of rooms/README.md, with the room that it shows: from a folder elsewhere, in the tree, and wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <boost/json.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tests/support/http_client.h"
#include "tests/support/process.h"
#include "tests/support/raw_websocket.h"

namespace atrium {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using testing::AllOf;
using testing::HasSubstr;

const fs::path kSource = SOURCE_DIR;
const fs::path kExamples = kSource / "tests/room_dirs";
const fs::path kScratch = SCRATCH_DIR;

struct Outcome {
  int status;
  std::string output;
};

Outcome Shell(const std::string& command) {
  Outcome outcome{};
  FILE* pipe = popen(absl::StrCat("(", command, ") 2>&1").c_str(), "r");
  for (int c; (c = std::fgetc(pipe)) != EOF;) outcome.output.push_back(static_cast<char>(c));
  outcome.status = WEXITSTATUS(pclose(pipe));
  return outcome;
}

// The tree without the rooms that ship, so that only the test's are compiled; with the files of `folder`, if any.
void MakeTree(const fs::path& folder) {
  const fs::path tree = kScratch / "tree";
  fs::remove_all(tree);
  fs::create_directories(tree / "rooms");
  for (const char* name : {"CMakeLists.txt", "client-sdk", "proto", "server"}) {
    fs::create_symlink(kSource / name, tree / name);
  }
  for (const char* name : {"CMakeLists.txt", "room_catalog.cc.in", "room_catalog.h"}) {
    fs::create_symlink(kSource / "rooms" / name, tree / "rooms" / name);
  }
  if (folder.empty()) return;
  for (const fs::directory_entry& file : fs::directory_iterator(folder)) {
    fs::create_symlink(file, tree / "rooms" / file.path().filename());
  }
}

// Builds atriumd with the rooms of `in_tree` in its tree and with `room_dirs`.
Outcome Build(const fs::path& in_tree, const std::vector<std::string>& room_dirs) {
  MakeTree(in_tree);
  const std::string tree = kScratch / "tree";
  const std::string build = kScratch / "build";
  return Shell(absl::StrCat(CONFIGURE, " -S '", tree, "' -B '", build, "' -DATRIUM_ROOM_DIRS='",
                            absl::StrJoin(room_dirs, ";"), "' && ", BUILD, " '", build, "'"));
}

const std::string kAtriumd = kScratch / "build/bin/atriumd";

// Sends a request of a session, and waits for the frame that answers it.
json::value Ask(RawWebSocket& client, int id, const std::string& request) {
  client.SendText(absl::StrCat(R"({"id":)", id, ",", request, "}"));
  for (std::string text; !(text = client.ReadMessage()).empty();) {
    json::value frame = json::parse(text);
    if (frame.as_object().contains("welcome")) return frame;
    const json::value* reply = frame.as_object().if_contains("reply");
    if (reply != nullptr && reply->at("id") == id) return frame;
  }
  ADD_FAILURE() << "no answer to " << request;
  return {};
}

// Its method by a service, and its component by a browser.
void ExpectThePollWorks() {
  Process atriumd(kAtriumd, kFreePorts);
  const uint16_t port = PortOf(atriumd.ReadLine(), "http=127.0.0.1:");
  ASSERT_NE(port, 0) << atriumd.ReadErr();
  EXPECT_THAT(CallHttp(port, {.path = "/api/room-types"}).body,
              AllOf(HasSubstr(R"("poll")"), HasSubstr(R"("vote")"), HasSubstr(R"("poll:voted")")));

  const HttpCall vote{
      .method = "POST", .path = "/api/rooms/poll:lunch/methods/vote", .body = R"({"yes":true,"voter":"ana"})"};
  const HttpReply voted = CallHttp(port, vote);
  EXPECT_EQ(voted.status, 200) << voted.body;
  EXPECT_THAT(voted.body, HasSubstr(R"("yes":1)"));
  EXPECT_EQ(CallHttp(port, vote).status, 409);

  RawWebSocket client(port);
  Ask(client, 1, R"("hello":{"token":"bea"})");
  const json::value mounted = Ask(client, 2, R"("mount":{"component":"Poll"})").at("reply");
  const std::string id = TextOf(mounted.at("mount").at("componentId"));
  const json::value called =
      Ask(client, 3, absl::StrCat(R"("call":{"componentId":")", id, R"(","method":"vote","args":{"yes":false}})"));
  EXPECT_THAT(json::serialize(called), AllOf(HasSubstr(R"("yes":1)"), HasSubstr(R"("no":1)")));
}

// The lines of `text` without indentation, empty ones left out.
std::string Lines(absl::string_view text) {
  std::vector<absl::string_view> lines = absl::StrSplit(text, '\n', absl::SkipWhitespace());
  for (absl::string_view& line : lines) line = absl::StripAsciiWhitespace(line);
  return absl::StrJoin(lines, "\n");
}

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(RoomDirsTest, TheReadmeShowsWhatIsBuilt) {
  std::string example;
  for (const fs::directory_entry& file : fs::directory_iterator(kExamples / "poll")) example += ReadFile(file.path());
  // Every second part is inside a fence, and starts with the language.
  const std::vector<std::string> parts = absl::StrSplit(ReadFile(kSource / "rooms/README.md"), "```");
  EXPECT_GE(parts.size(), 9u);
  for (size_t i = 1; i < parts.size(); i += 2) {
    EXPECT_THAT(Lines(example), HasSubstr(Lines(parts[i].substr(parts[i].find('\n')))));
  }
}

TEST(RoomDirsTest, AFolderElsewhere) {
  const Outcome built = Build("", {kExamples / "poll"});
  ASSERT_EQ(built.status, 0) << built.output;
  ExpectThePollWorks();
}

TEST(RoomDirsTest, TheTree) {
  const Outcome built = Build(kExamples / "poll", {});
  ASSERT_EQ(built.status, 0) << built.output;
  ExpectThePollWorks();
}

TEST(RoomDirsTest, AMisnamedClassFailsTheBuildWithItsFile) {
  const Outcome built = Build("", {kExamples / "poll", kExamples / "misnamed"});
  EXPECT_NE(built.status, 0);
  EXPECT_THAT(built.output, AllOf(HasSubstr("QuizRoom"), HasSubstr("quiz_room.h")));
}

TEST(RoomDirsTest, ANameThatIsTakenStopsTheStart) {
  const Outcome built = Build("", {kExamples / "poll", kExamples / "twin"});
  ASSERT_EQ(built.status, 0) << built.output;
  Process atriumd(kAtriumd, kFreePorts);
  EXPECT_EQ(atriumd.ExitCode(), 1);
  EXPECT_EQ(atriumd.ReadErr(), "atriumd: LiveRoom 'poll' is already registered\n");
}

}  // namespace
}  // namespace atrium
