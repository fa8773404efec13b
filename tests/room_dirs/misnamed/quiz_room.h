#pragma once

namespace atrium::rooms {

// Not the QuizRoom that the file's name promises.
class QuizzRoom {};

}  // namespace atrium::rooms
