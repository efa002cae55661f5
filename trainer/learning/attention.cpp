// Causal attention inside rows that lie end to end, and its way back, in bfloat16: for each block of queries of one
// head a few small matrix products, by PyTorch's own kernels without the cost of calling PyTorch for each of them.
//
// All tensors are (tokens, heads, width) without gaps; keys and values have fewer heads, `groups`, each of which serves
// as many heads of queries. What stands on the right of a product is packed: two rows side by side, as CPUs read it.

#include <ATen/Parallel.h>
#include <ATen/cpu/vec/functional.h>
#include <ATen/cpu/vec/vec.h>
#include <ATen/native/CPUBlas.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

namespace {

using at::BFloat16;
using Floats = at::vec::Vectorized<float>;
using Numbers = std::vector<BFloat16>;

constexpr int64_t BLOCK = 64;  // queries at once: more would look further ahead, fewer make matrices too small

struct Rows {
    int64_t heads, groups, width;
    float scaling;
    int64_t count;
    const int64_t* lengths;  // in tokens
};

// One row, as the heads that share one key head see it.
struct Part {
    int64_t first, tokens;  // of the row
    int64_t group;
    int64_t first_head, end_head;
};

// A part of a larger matrix: its rows are `stride` numbers apart.
struct Matrix {
    const BFloat16* numbers;
    int64_t rows, columns, stride;
};

// Leaves AMX as others expect it: PyTorch sets it up for a product only if its last one, as it knows, was another.
struct Tiles {
    ~Tiles() { at::native::cpublas::brgemm_release(); }
};

// Calls `work` with each part, shared out among the threads that the caller may use. Whether that came to its end.
bool each_part(const Rows& rows, const std::function<void(const Part&)>& work) {
    try {
        std::vector<int64_t> begins(rows.count);
        for (int64_t row = 1; row < rows.count; ++row) begins[row] = begins[row - 1] + rows.lengths[row - 1];
        const auto some = [&](int64_t from, int64_t to) {
            const Tiles released_at_the_end;
            for (int64_t index = from; index < to; ++index) {
                const int64_t row = index / rows.groups, group = index % rows.groups, each = rows.heads / rows.groups;
                work({begins[row], rows.lengths[row], group, group * each, (group + 1) * each});
            }
        };
        at::parallel_for(0, rows.count * rows.groups, 1, some);
        return true;
    } catch (...) {  // nothing of C++ may reach Python's frames
        return false;
    }
}

// To (columns, rows).
void turn(const Matrix& from, BFloat16* to, int64_t stride) {
    constexpr int64_t tile = 32;  // the most that PyTorch turns at once
    for (int64_t row = 0; row < from.rows; row += tile)
        for (int64_t column = 0; column < from.columns; column += tile)
            at::vec::transpose_mxn<BFloat16>(from.numbers + row * from.stride + column, from.stride,
                                             to + column * stride + row, stride, std::min(tile, from.rows - row),
                                             std::min(tile, from.columns - column));
}

void pack(const Matrix& from, BFloat16* to) {
    at::vec::pack_vnni2(from.numbers, to, from.stride, from.rows, from.columns);
}

void pack_turned(const Matrix& from, BFloat16* to) {
    Numbers turned(from.rows * from.columns);
    turn(from, turned.data(), from.rows);
    pack({turned.data(), from.columns, from.rows, from.rows}, to);
}

// left @ the first `columns` columns of right, of which `packed` were packed.
void multiply(const Matrix& left, const Numbers& right, int64_t packed, int64_t columns, float* out, int64_t out_stride,
              bool add = false) {
    at::native::cpublas::brgemm(left.rows, columns, left.columns, left.stride, packed, out_stride, add, left.numbers,
                                right.data(), out, true);
}

// Scores of queries begin to end by keys 0 to end, to weights: each row sums up to one, and sees nothing ahead.
void weigh(float* scores, int64_t begin, int64_t end, float scaling) {
    const auto larger = [](const Floats& a, const Floats& b) { return at::vec::maximum(a, b); };
    for (int64_t query = begin; query < end; ++query, scores += end) {
        std::fill(scores + query + 1, scores + end, -std::numeric_limits<float>::infinity());
        const Floats most(at::vec::reduce_all<float>(larger, scores, end)), factor(scaling);
        const auto exponential = [&](const Floats& x) { return ((x - most) * factor).exp_u20(); };
        at::vec::map<float>(exponential, scores, scores, end);
        const Floats share(1 / at::vec::reduce_all<float>(std::plus<Floats>(), scores, end));
        at::vec::map<float>([&](const Floats& x) { return x * share; }, scores, scores, end);
    }
}

// From slopes at weights (count, keys) to slopes at scores: w (s - sum of w s), times `scaling`.
void back_to_scores(const float* weights, float* slopes, int64_t count, int64_t keys, float scaling) {
    const std::multiplies<Floats> times;
    const std::plus<Floats> plus;
    for (int64_t query = 0; query < count; ++query, weights += keys, slopes += keys) {
        const Floats mean(at::vec::map2_reduce_all<float>(times, plus, weights, slopes, keys)), factor(scaling);
        const auto back = [&](const Floats& w, const Floats& s) { return w * (s - mean) * factor; };
        at::vec::map2<float>(back, slopes, weights, slopes, keys);
    }
}

// A block of one head, (count, width), rounded into a tensor whose tokens are `stride` numbers apart.
void put(const float* block, int64_t count, int64_t width, BFloat16* to, int64_t stride) {
    for (int64_t token = 0; token < count; ++token) at::vec::convert(block + token * width, to + token * stride, width);
}

}  // namespace

extern "C" bool attend(const BFloat16* query, const BFloat16* key, const BFloat16* value, BFloat16* found,
                       const Rows* rows) {
    const int64_t width = rows->width, stride = rows->heads * width, key_stride = rows->groups * width;
    return each_part(*rows, [&](const Part& part) {
        const int64_t tokens = part.tokens, at_keys = part.first * key_stride + part.group * width;
        Numbers keys(tokens * width), values(tokens * width), rounded(BLOCK * tokens);
        std::vector<float> weights(BLOCK * tokens), block(BLOCK * width);
        pack_turned({key + at_keys, tokens, width, key_stride}, keys.data());
        pack({value + at_keys, tokens, width, key_stride}, values.data());
        for (int64_t head = part.first_head; head < part.end_head; ++head)
            for (int64_t begin = 0; begin < tokens; begin += BLOCK) {
                const int64_t end = std::min(begin + BLOCK, tokens), count = end - begin;
                const int64_t at = (part.first + begin) * stride + head * width;
                multiply({query + at, count, width, stride}, keys, tokens, end, weights.data(), end);
                weigh(weights.data(), begin, end, rows->scaling);
                at::vec::convert(weights.data(), rounded.data(), count * end);
                multiply({rounded.data(), count, end, end}, values, width, width, block.data(), width);
                put(block.data(), count, width, found + at, stride);
            }
    });
}

// `slope` is that of what `attend` found, with which it shares its shape.
extern "C" bool attend_back(const BFloat16* query, const BFloat16* key, const BFloat16* value, const BFloat16* slope,
                            BFloat16* to_query, BFloat16* to_key, BFloat16* to_value, const Rows* rows) {
    const int64_t width = rows->width, stride = rows->heads * width, key_stride = rows->groups * width;
    return each_part(*rows, [&](const Part& part) {
        const int64_t tokens = part.tokens, at_keys = part.first * key_stride + part.group * width;
        Numbers keys(tokens * width), key_rows(tokens * width), values(tokens * width);
        Numbers rounded(BLOCK * tokens), packed(BLOCK * tokens), turned(BLOCK * width);
        std::vector<float> weights(BLOCK * tokens), slopes(BLOCK * tokens), block(BLOCK * width);
        std::vector<float> sum_key(width * tokens), sum_value(width * tokens);  // turned, as the products below need it
        pack_turned({key + at_keys, tokens, width, key_stride}, keys.data());
        pack({key + at_keys, tokens, width, key_stride}, key_rows.data());
        pack_turned({value + at_keys, tokens, width, key_stride}, values.data());
        for (int64_t head = part.first_head; head < part.end_head; ++head)
            for (int64_t begin = 0; begin < tokens; begin += BLOCK) {
                const int64_t end = std::min(begin + BLOCK, tokens), count = end - begin;
                const int64_t at = (part.first + begin) * stride + head * width;
                const Matrix asking{query + at, count, width, stride}, coming{slope + at, count, width, stride};
                const auto add = [&](const Matrix& left, const std::vector<float>& right, std::vector<float>& sum) {
                    at::vec::convert(right.data(), rounded.data(), count * end);
                    pack({rounded.data(), count, end, end}, packed.data());
                    turn(left, turned.data(), count);
                    multiply({turned.data(), width, count, count}, packed, end, end, sum.data(), tokens, true);
                };
                multiply(asking, keys, tokens, end, weights.data(), end);
                weigh(weights.data(), begin, end, rows->scaling);
                add(coming, weights, sum_value);
                multiply(coming, values, tokens, end, slopes.data(), end);
                back_to_scores(weights.data(), slopes.data(), count, end, rows->scaling);
                add(asking, slopes, sum_key);  // which leaves the slopes rounded
                multiply({rounded.data(), count, end, end}, key_rows, width, width, block.data(), width);
                put(block.data(), count, width, to_query + at, stride);
            }
        for (const auto& [sum, to] : {std::pair{&sum_key, to_key}, std::pair{&sum_value, to_value}}) {
            at::vec::convert(sum->data(), keys.data(), width * tokens);
            turn({keys.data(), width, tokens, tokens}, to + at_keys, key_stride);
        }
    });
}
