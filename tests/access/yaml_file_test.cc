#include "server/access/yaml_file.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/common/errors.h"
#include "tests/support/matchers.h"

namespace atrium {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string Repeat(absl::string_view text, size_t bytes) {
  std::string repeated;
  while (repeated.size() + text.size() <= bytes) absl::StrAppend(&repeated, text);
  return repeated;
}

std::string ErrorOf(const absl::Status& error) {
  EXPECT_THAT(error, StatusIs(absl::StatusCode::kInvalidArgument));
  return std::string(error.message());
}

std::string ParseError(absl::string_view file) { return ErrorOf(YamlNode::Parse(file).status()); }

// Returns the member `a` of the mapping that the file is.
YamlNode MemberA(absl::string_view file) { return *YamlNode::Parse(file)->Members({"a"})->Get("a"); }

TEST(YamlFileTest, TextIsTakenAsItIsWritten) {
  EXPECT_EQ(*MemberA("a: 42").Text(), "42");
  EXPECT_EQ(*MemberA("a: 0x1F").Text(), "0x1F");
  EXPECT_EQ(*MemberA("a: true").Text(), "true");
  EXPECT_EQ(*MemberA("a: 2027-01-01T00:00:00Z").Text(), "2027-01-01T00:00:00Z");
  EXPECT_EQ(*MemberA("a: \"null\"").Text(), "null");
  EXPECT_EQ(*MemberA("a: \"\"").Text(), "");
  EXPECT_EQ(*MemberA("a: 'ol\xc3\xa1 # no comment' # a comment").Text(), "olá # no comment");
  EXPECT_EQ(*MemberA("a: |\n  two\n  lines\n").Text(), "two\nlines\n");
  EXPECT_EQ(*MemberA("\xef\xbb\xbf"
                     "a: b\r\n")
                 .Text(),
            "b");
}

TEST(YamlFileTest, WhatIsNoTextIsNone) {
  for (const absl::string_view file : {"a:", "a: ~", "a: null", "a: [b]", "a: {b: c}", "a:\n  - b\n"}) {
    EXPECT_EQ(ErrorOf(MemberA(file).Text().status()), "a: must be text (line 1)") << file;
  }
}

TEST(YamlFileTest, AFlagIsTrueOrFalse) {
  EXPECT_TRUE(*MemberA("a: true").Flag());
  EXPECT_FALSE(*MemberA("a: false").Flag());
  for (const absl::string_view file :
       {"a: yes", "a: True", "a: 1", "a: 'true'", "a:", "a: [true]", "a: {true: true}"}) {
    EXPECT_EQ(ErrorOf(MemberA(file).Flag().status()), "a: must be true or false (line 1)") << file;
  }
}

TEST(YamlFileTest, AListHasSoManyItems) {
  const std::vector<YamlNode> items = *MemberA("a:\n  - b\n\n  - [c]\n").List(1, 2);
  ASSERT_EQ(items.size(), 2);
  EXPECT_EQ(*items[0].Text(), "b");
  EXPECT_EQ(items[1].path(), "a[1]");
  EXPECT_EQ(items[1].line(), 4);
  EXPECT_TRUE(MemberA("a: []").List(0, 2)->empty());
  for (const absl::string_view file : {"a: []", "a: [b, c, d]", "a: b", "a:", "a: {b: c}"}) {
    EXPECT_EQ(ErrorOf(MemberA(file).List(1, 2).status()), "a: must be a list of 1 to 2 (line 1)") << file;
  }
  EXPECT_THAT(MemberA("a: b").List(0, 2), Not(IsOk()));
}

TEST(YamlFileTest, MembersAreKnown) {
  const YamlNode file = *YamlNode::Parse("a: 1\nb:\n\n  c: 2\n");
  const YamlMembers members = *file.Members({"a", "b", "d"});
  EXPECT_EQ(*members.Get("a")->Text(), "1");
  EXPECT_EQ(*members.Find("b")->Members({"c"})->Get("c")->Text(), "2");
  EXPECT_FALSE(members.Find("d").has_value());
  EXPECT_EQ(ErrorOf(members.Get("d").status()), "d: must be there (line 1)");
  EXPECT_EQ(ErrorOf(file.Members({"a", "x"}).status()), "b: is not known; what may stand there is a, x (line 2)");
  EXPECT_EQ(ErrorOf(members.Get("b")->Members({"d", "e"}).status()),
            "b.c: is not known; what may stand there is d, e (line 4)");
  EXPECT_EQ(ErrorOf(members.Get("a")->Members({"x", "y"}).status()),
            "a: must be a mapping with the members x, y (line 1)");
  EXPECT_EQ(ErrorField(members.Get("b")->Members({"d"}).status()), "b.c");
  // It is there, and may not be mistaken for one that is absent.
  EXPECT_TRUE(YamlNode::Parse("a: ~")->Members({"a"})->Find("a").has_value());
}

TEST(YamlFileTest, AnErrorNamesThePlace) {
  const YamlNode file = *YamlNode::Parse("a:\n  - b: [c, d]\n  - b:\n      - c\n      -\n");
  const std::vector<YamlNode> list = *file.Members({"a"})->Get("a")->List(0, 9);
  const std::vector<YamlNode> inner = *list[1].Members({"b"})->Get("b")->List(0, 9);
  EXPECT_EQ(ErrorOf(inner[0].Error("must be x")), "a[1].b[0]: must be x (line 4)");
  EXPECT_EQ(ErrorOf(file.Error("must be x")), "file: must be x (line 1)");
  EXPECT_EQ(ErrorOf((*YamlNode::Parse("- b")->List(1, 1))[0].Error("must be x")), "[0]: must be x (line 1)");
  EXPECT_EQ(ErrorOf(inner[0].WithLine(InvalidField(inner[0].path(), "must be y"))), "a[1].b[0]: must be y (line 4)");
}

TEST(YamlFileTest, AValueKeepsTheFile) {
  std::vector<YamlNode> kept = *MemberA("a: [b, [c]]").List(0, 2);
  EXPECT_EQ(*(*kept[1].List(1, 1))[0].Text(), "c");
}

TEST(YamlFileTest, AFileIsOneDocument) {
  for (const absl::string_view file :
       {"", "\n\n", "# nothing\n", "---\n", "~\n", "null", "---\n...\n", "\xef\xbb\xbf"}) {
    EXPECT_EQ(ParseError(file), "file: must not be empty") << file;
  }
  for (const absl::string_view file :
       {"a: b\n---\nc: d\n", "a: b\n...\nc: d\n", "[a]\nb: c\n", "--- a\n--- b\n", "{}{}"}) {
    EXPECT_THAT(ParseError(file), StartsWith("file: must be one document")) << file;
  }
  EXPECT_THAT(YamlNode::Parse("---\na: b\n...\n"), IsOk());
}

TEST(YamlFileTest, NoMemberStandsTwice) {
  EXPECT_EQ(ParseError("a: 1\nb: 2\na: 3\n"), "a: stands there twice (line 3)");
  EXPECT_EQ(ParseError("a:\n  - {b: 1, 'b': 2}\n"), "a[0].b: stands there twice (line 2)");
  EXPECT_THAT(YamlNode::Parse("a: {b: 1}\nb: {b: 1, a: 1}\n"), IsOk());
}

TEST(YamlFileTest, ANameIsText) {
  EXPECT_EQ(ParseError("x:\n  ? [a]\n  : b\n"), "x: must have members whose names are text (line 2)");
  EXPECT_THAT(ParseError("? {a: b}\n: c\n"), StartsWith("file: must have members whose names"));
  EXPECT_THAT(ParseError("~: a\n"), StartsWith("file: must have members whose names"));
  EXPECT_THAT(ParseError(": a\n"), StartsWith("file: must have members whose names"));
}

TEST(YamlFileTest, NothingIsWrittenOnceAndMeantTwice) {
  EXPECT_EQ(ParseError("a: &x 5\nb: *x\n"), "a: must not have an anchor (line 1)");
  EXPECT_EQ(ParseError("a:\n  - &x [b]\n"), "a[0]: must not have an anchor (line 2)");
  EXPECT_EQ(ParseError("&x a: b\n"), "file: must not have an anchor (line 1)");
  EXPECT_EQ(ParseError("a: &x\n"), "a: must not have an anchor (line 1)");
  EXPECT_THAT(ParseError("a: *x\n"), StartsWith("file: must be YAML"));
  // Each line is ten times the one before.
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c < 'k'; ++c) {
    const std::string alias = absl::StrCat("*", std::string(1, static_cast<char>(c - 1)), " ");
    absl::StrAppend(&bomb, std::string(1, c), ": &", std::string(1, c), " [", Repeat(alias + ",", 39), alias, "]\n");
  }
  EXPECT_EQ(ParseError(bomb), "a: must not have an anchor (line 1)");
  EXPECT_THAT(YamlNode::Parse("a: {<<: b}")->Members({"a"})->Get("a")->Members({"x"}), Not(IsOk()));
}

TEST(YamlFileTest, ThereAreNoTags) {
  EXPECT_EQ(ParseError("a: !!str 5\n"), "a: must not have a tag (line 1)");
  EXPECT_EQ(ParseError("a: !x {b: c}\n"), "a: must not have a tag (line 1)");
  EXPECT_EQ(ParseError("- !x [b]\n"), "[0]: must not have a tag (line 1)");
  EXPECT_EQ(ParseError("!x a: b\n"), "file: must not have a tag (line 1)");
}

TEST(YamlFileTest, NestingIsBounded) {
  const auto nested = [](int depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_THAT(YamlNode::Parse(nested(16)), IsOk());
  EXPECT_THAT(ParseError(nested(17)), EndsWith("must not be a list or mapping, 16 levels down (line 1)"));
  for (const absl::string_view text :
       {"[",   "{",          "- ", "? ", ": ", "[a: ", "{a: ", "{\"a\": ", "[\n", "[,", "{,", "? - ",
        "[a,", "{a: b, c: ", "]",  "}",  ",",  "!",    "&a ",  "*a ",      "|\n", "> ", "!<"}) {
    const absl::Time start = absl::Now();
    EXPECT_NE(ParseError(Repeat(text, YamlNode::kMaxBytes)), "") << text;
    EXPECT_LT(absl::Now() - start, absl::Seconds(20)) << text;
  }
  std::string steps;
  for (int i = 0; i < 1000; ++i) absl::StrAppend(&steps, std::string(i, ' '), "a:\n");
  EXPECT_THAT(ParseError(steps), HasSubstr("16 levels down (line 17)"));
}

TEST(YamlFileTest, SizeIsBounded) {
  EXPECT_EQ(*YamlNode::Parse(std::string(YamlNode::kMaxBytes, 'a'))->Text(), std::string(YamlNode::kMaxBytes, 'a'));
  EXPECT_EQ(ParseError(std::string(YamlNode::kMaxBytes + 1, 'a')), "file: must have at most 1048576 bytes");
  // As many values as there can be.
  EXPECT_THAT(YamlNode::Parse(absl::StrCat("[", Repeat("a,", YamlNode::kMaxBytes - 2), "]")), IsOk());
  std::string names;
  for (int i = 0; i < 100'000; ++i) absl::StrAppend(&names, "a", i, ":\n");
  EXPECT_THAT(ErrorOf(YamlNode::Parse(names)->Members({"x"}).status()), StartsWith("a0: is not known"));
}

TEST(YamlFileTest, BytesThatAreNoTextAreRefused) {
  using std::string_literals::operator""s;
  for (const std::string& file : {"a: b\0c"s, "a: b\n\x04\nc: d\n"s, "\x1b[0m"s, "a: \x7f"s}) {
    EXPECT_THAT(ParseError(file), StartsWith("file: must not hold control characters (line ")) << file;
  }
  EXPECT_EQ(ParseError("a: b\n\x04\nc: d\n"), "file: must not hold control characters (line 2)");
  for (const std::string& file : {"\xff\xfe"
                                  "a\0"s,
                                  "a: \xc3"s, "\x80"s, "a: \xed\xa0\x80"s}) {
    EXPECT_EQ(ParseError(file), "file: must be UTF-8");
  }
  // The parser would take this for UTF-16.
  EXPECT_THAT(ParseError("a\0:\0 \0b\0"s), StartsWith("file: must not hold control characters"));
  EXPECT_EQ(ParseError("a: \"b\\0c\"\n"), "a: must not hold NUL (line 1)");
  EXPECT_THAT(ParseError("\"a\\0\": b\n"), StartsWith("file: must not hold NUL"));
}

TEST(YamlFileTest, WhatIsNoYamlIsRefusedWithItsLine) {
  EXPECT_EQ(ParseError("a: b\nc: d: e\n"), "file: must be YAML; illegal map value (line 2)");
  for (const absl::string_view file :
       {"a:\n\t- b\n", "a: [b\nc: d\n", "a: {b: c\n", "a: - b\n", "a: b\n - c: d\n", "a: @b\n", "a: `b\n", "a: [b] c\n",
        "a: \"\\q\"\n", "a: \"\\ud800\"\n", "%TAG ! a\n%TAG ! b\n"}) {
    EXPECT_THAT(ParseError(file), AllOf(StartsWith("file: must be YAML; "), HasSubstr("(line "))) << file;
  }
}

// The parser itself would not miss the end of a quotation.
TEST(YamlFileTest, AQuotationThatDoesNotEndIsRefused) {
  for (const absl::string_view file : {"a: 'b", "a: 'b\n", "a: \"b", "a:\n  - \"b\n  - c\n", "'", "\"a\": b\n\""}) {
    EXPECT_THAT(ParseError(file), StartsWith("file: must be YAML; ")) << file;
  }
  EXPECT_EQ(*MemberA("a: |+\n  b\n\n").Text(), "b\n\n");
  EXPECT_EQ(*MemberA("a: |+\n  b").Text(), "b\n");
}

TEST(YamlFileTest, ErrorsDoNotRepeatValues) {
  for (const absl::string_view file :
       {"a: *secret\n", "a: &secret b\n", "a: !secret b\n", "a: @secret\n", "a: 'secret\n", "a: !secret!x b\n",
        "a: \"secret\n", "a: [secret\n", "b: secret: secret\n"}) {
    EXPECT_THAT(ParseError(file), Not(HasSubstr("secret"))) << file;
  }
  EXPECT_EQ(ParseError("a: \"\\q\"\n"), "file: must be YAML; unknown escape character (line 1)");
  const YamlNode a = MemberA("a: secret");
  for (const absl::Status& error : {a.Flag().status(), a.List(0, 1).status(), a.Members({"x"}).status()}) {
    EXPECT_THAT(ErrorOf(error), Not(HasSubstr("secret")));
  }
}

TEST(YamlFileTest, ALongNameIsCut) {
  const std::string name(100'000, 'n');
  const absl::Status error = YamlNode::Parse(absl::StrCat("? ", name, "\n: b"))->Members({"a"}).status();
  EXPECT_LT(ErrorOf(error).size(), 600);
  EXPECT_LT(ParseError(absl::StrCat("? ", name, "\n? ", name, "\n")).size(), 600);
}

}  // namespace
}  // namespace atrium
