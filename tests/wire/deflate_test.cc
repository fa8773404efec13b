#include "server/wire/deflate.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/support/gzip.h"

namespace atrium {
namespace {

constexpr size_t kLimit = 64 * 1024;

std::string Chat(size_t messages) {
  std::string text;
  for (size_t i = 0; i < messages; ++i) {
    absl::StrAppend(&text, R"({"id":"m)", i * 7919, R"(","user":"user)", i % 17, R"(","text":"olá 👋"},)");
  }
  return text;
}

std::string Noise(size_t size) {
  std::mt19937 random(7);
  std::string noise(size, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  return noise;
}

TEST(DeflateTest, WhatIsCompressedIsTheSameUnpacked) {
  Deflater deflater(1);
  Inflater inflater;
  for (const size_t messages : {1, 2, 20, 300, 5000, 3}) {
    const std::string text = Chat(messages) + std::string(messages, ' ');
    const std::string compressed(deflater.Deflate(text));
    ASSERT_FALSE(compressed.empty());
    EXPECT_LT(compressed.size(), text.size());
    const absl::StatusOr<std::string> again = inflater.Inflate(compressed, text.size());
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(*again, text);
  }
  EXPECT_EQ(deflater.counts().smaller.value(), 6);
  EXPECT_GT(deflater.counts().nanoseconds.value(), 0);
}

TEST(DeflateTest, EachMessageStandsByItself) {
  Deflater deflater(100);
  const std::string first(deflater.Deflate(Chat(50)));
  deflater.Deflate(Noise(70'000));
  EXPECT_EQ(first, deflater.Deflate(Chat(50)));
}

TEST(DeflateTest, LeavesWhatIsShortOrWouldNotShrink) {
  Deflater deflater(1000);
  EXPECT_EQ(deflater.Deflate(std::string(1000, 'x')), "");
  EXPECT_NE(deflater.Deflate(std::string(1001, 'x')), "");
  EXPECT_EQ(deflater.counts().not_smaller.value(), 0);
  for (const size_t size : {1001, 70'000}) EXPECT_EQ(deflater.Deflate(Noise(size)), "");
  EXPECT_EQ(deflater.counts().not_smaller.value(), 2);
  EXPECT_EQ(deflater.counts().smaller.value(), 1);
  Deflater off(0);
  EXPECT_EQ(off.Deflate(std::string(1'000'000, 'x')), "");
}

TEST(DeflateTest, ReadsTheExamplesOfTheRfc) {
  Inflater inflater;
  const auto inflate = [&](const std::string& bytes) { return inflater.Inflate(bytes, kLimit).value_or("error"); };
  EXPECT_EQ(inflate("\xf2\x48\xcd\xc9\xc9\x07" + std::string(1, '\0')), "Hello");
  EXPECT_EQ(inflate(std::string("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 11)), "Hello") << "not compressed";
  EXPECT_EQ(inflate(std::string("\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8)), "Hello") << "a last block";
  EXPECT_EQ(inflate(std::string("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13)), "Hello") << "two blocks";
  EXPECT_EQ(inflate(std::string(1, '\0')), "") << "nothing";
}

TEST(DeflateTest, RefusesWhatIsNotCompressed) {
  Inflater inflater;
  Deflater deflater(1);
  const std::string good(deflater.Deflate(Chat(100)));
  const auto code = [&](const std::string& bytes) { return inflater.Inflate(bytes, kLimit).status().code(); };
  EXPECT_EQ(code(""), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code("\xff\xff\xff"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(R"({"id":1,"hello":{}})"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(good + "x"), absl::StatusCode::kInvalidArgument);
  // The end of a block is a few bits; without them, nothing is whole.
  for (size_t cut = 3; cut < good.size(); cut += 7) {
    EXPECT_EQ(code(good.substr(0, good.size() - cut)), absl::StatusCode::kInvalidArgument) << cut;
  }
  EXPECT_EQ(code(good), absl::StatusCode::kOk) << "it goes on after that";
}

TEST(DeflateTest, UnpacksUpToItsLimit) {
  Deflater deflater(1);
  Inflater inflater;
  const std::string bomb(deflater.Deflate(std::string(50'000'000, ' ')));
  EXPECT_LT(bomb.size(), 300'000u);
  EXPECT_EQ(inflater.Inflate(bomb, kLimit).status().code(), absl::StatusCode::kResourceExhausted);
  const std::string full(deflater.Deflate(std::string(kLimit, ' ')));
  const absl::StatusOr<std::string> message = inflater.Inflate(full, kLimit);
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_EQ(message->size(), kLimit);
  EXPECT_LE(message->capacity(), kLimit);
  EXPECT_EQ(inflater.Inflate(full, kLimit - 1).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(GunzipTest, ReadsOneMemberOrSeveral) {
  for (const size_t messages : {0, 1, 300, 5000}) {
    const std::string text = Chat(messages);
    const absl::StatusOr<std::string> content = Gunzip(Gzip(text), text.size());
    ASSERT_TRUE(content.ok()) << content.status();
    EXPECT_EQ(*content, text);
  }
  EXPECT_EQ(Gunzip(Gzip("{\"a\"") + Gzip("") + Gzip(":1}"), kLimit).value_or("error"), R"({"a":1})");
  // As much as fits into the buffer that it is unpacked in, so that the end is seen by itself.
  const std::string full(16 * 1024, 'x');
  EXPECT_EQ(Gunzip(Gzip(full), kLimit).value_or("error"), full);
  EXPECT_EQ(Gunzip(Gzip(full) + Gzip("y"), kLimit).value_or("error"), full + "y");
}

TEST(GunzipTest, RefusesWhatIsNoWholeGzip) {
  const auto code = [](const std::string& bytes) { return Gunzip(bytes, kLimit).status().code(); };
  const std::string good = Gzip(Chat(100));
  EXPECT_EQ(code(good), absl::StatusCode::kOk);
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(code(good.substr(0, size)), absl::StatusCode::kInvalidArgument) << size;
  }
  for (const std::string& bytes : {std::string(), std::string(R"({"event":"x"})"), good + "x",
                                   good + std::string(8, '\0'), good + good.substr(0, 12), "x" + good}) {
    EXPECT_EQ(code(bytes), absl::StatusCode::kInvalidArgument) << bytes.size();
  }
  // Its checksum and its length are looked at.
  for (size_t i = good.size() - 8; i < good.size(); ++i) {
    std::string corrupt = good;
    corrupt[i] = static_cast<char>(corrupt[i] ^ 1);
    EXPECT_EQ(code(corrupt), absl::StatusCode::kInvalidArgument) << i;
  }
  Deflater deflater(1);
  EXPECT_EQ(code(std::string(deflater.Deflate(Chat(100)))), absl::StatusCode::kInvalidArgument) << "no gzip around it";
}

TEST(GunzipTest, UnpacksUpToItsLimit) {
  const std::string bomb = Gzip(std::string(50'000'000, ' '));
  EXPECT_LT(bomb.size(), 100'000u);
  EXPECT_EQ(Gunzip(bomb, kLimit).status().code(), absl::StatusCode::kResourceExhausted);
  const absl::StatusOr<std::string> full = Gunzip(Gzip(std::string(kLimit, ' ')), kLimit);
  ASSERT_TRUE(full.ok()) << full.status();
  EXPECT_EQ(full->size(), kLimit);
  EXPECT_LE(full->capacity(), kLimit);
  EXPECT_EQ(Gunzip(Gzip(std::string(kLimit, ' ')), kLimit - 1).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Gunzip(Gzip(std::string(kLimit, ' ')) + Gzip("x"), kLimit).status().code(),
            absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace atrium
