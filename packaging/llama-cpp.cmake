# Read by CMake while llama-cpp-python is built (see the Makefile): leaves out the library behind llama.cpp's
# command line tools. llama-cpp-python switches it on with a cache entry; a normal variable stands before that.
set(LLAMA_BUILD_COMMON OFF)
