// SPDX-License-Identifier: MIT
/* test-cxx20.cpp - the same tests of memlane.hpp in C++20, where a span is std::span */
#include "test-cxx.cpp"
