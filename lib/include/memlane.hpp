/* SPDX-License-Identifier: MIT */
/*
 * memlane.hpp - arenas, handles and containers for C++17 and newer
 *
 *	memlane::arena a;
 *	auto h = a.make<point>({1, 2});		a typed handle: it may be copied, frees nothing
 *	{
 *		memlane::section s(a);
 *		s[h].x++;			good until s ends
 *	}
 *	memlane::pin<point> p(a, h);		good as long as p lives
 *	memlane::vector<int> v(a);		owns its object; v[3] stands for an element
 *	auto u = memlane::make_unique<point>(a);	owns one object
 *	memlane::string s(a, "text");		owns a text
 *	std::unordered_map<memlane::handle<point>, int>	a handle is a key
 *
 * Objects are moved by copying bytes, so their types are trivially copyable.
 * What fails throws memlane::error, which has the errno value and a sentence. Where
 * exceptions are off (-fno-exceptions) it prints the sentence and ends the program.
 *
 * memlane:: is the scope of C's `struct memlane`, which is completed here: a namespace of
 * that name cannot stand beside it ("error: 'namespace memlane { }' redeclared as different
 * kind of entity"). All is defined in the namespace mlane, which works in a program too;
 * only `using namespace` needs it.
 *
 * Sections, pins and containers refer to what memlane_open() gave, not to the arena
 * that owns it: that may be moved meanwhile, but must not end before them.
 */
#ifndef MEMLANE_HPP
#define MEMLANE_HPP

#if __cplusplus < 201402L
#error "memlane.hpp needs C++17 (-std=c++17); memlane.h does with C++11"
#endif

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <string>
#include <stdexcept>
#include <type_traits>
#include <utility>
#if __cplusplus >= 202002L
#include <span>
#endif

#include <memlane.h>

namespace mlane {

class error : public std::runtime_error {
public:
	explicit error(int err) : std::runtime_error(memlane_strerror(err)), code_(-err) {}
	int code() const noexcept { return code_; }

private:
	int code_;
};

[[noreturn]] inline void fail(int err)
{
#ifdef __cpp_exceptions
	throw error(err);
#else
	std::fprintf(stderr, "memlane: %s\n", memlane_strerror(err));
	std::abort();
#endif
}

inline void check(int err)
{
	if (err < 0)
		fail(err);
}

/* Names an object, or the first of some; copying it copies the name. */
template <class T> class handle {
	static_assert(std::is_trivially_copyable<T>::value, "objects move as bytes");

public:
	handle() = default;
	explicit handle(memlane_handle raw) : raw_(raw) {}
	memlane_handle raw() const noexcept { return raw_; }
	explicit operator bool() const noexcept { return raw_ != 0; }
	bool operator==(handle other) const noexcept { return raw_ == other.raw_; }
	bool operator!=(handle other) const noexcept { return raw_ != other.raw_; }

private:
	memlane_handle raw_ = 0;
};

/*
 * Some elements in a row, good as long as what gave it. It has the names of
 * std::span, which C++17 lacks, and turns into one where there is one; at() and
 * subview() look at the bounds.
 */
template <class T> class view {
public:
	using element_type = T;
	using value_type = typename std::remove_cv<T>::type;

	view() = default;
	view(T *first, std::size_t size) : first_(first), size_(size) {}
	T *data() const noexcept { return first_; }
	std::size_t size() const noexcept { return size_; }
	std::size_t size_bytes() const noexcept { return size_ * sizeof(T); }
	bool empty() const noexcept { return !size_; }
	T *begin() const noexcept { return first_; }
	T *end() const noexcept { return first_ + size_; }
	T &operator[](std::size_t i) const noexcept { return first_[i]; }
	T &front() const noexcept { return first_[0]; }
	T &back() const noexcept { return first_[size_ - 1]; }
	view first(std::size_t nr) const { return subview(0, nr); }
	view last(std::size_t nr) const { return subview(nr <= size_ ? size_ - nr : 1, nr); }
	view subspan(std::size_t from) const { return subview(from, size_ - from); }
	view subspan(std::size_t from, std::size_t nr) const { return subview(from, nr); }
	T &at(std::size_t i) const
	{
		if (i >= size_)
			fail(-ERANGE);
		return first_[i];
	}
	view subview(std::size_t from, std::size_t nr) const
	{
		if (from > size_ || nr > size_ - from)
			fail(-ERANGE);
		return view(first_ + from, nr);
	}
#if __cplusplus >= 202002L
	operator std::span<T>() const noexcept { return { first_, size_ }; }
#endif

private:
	T *first_ = nullptr;
	std::size_t size_ = 0;
};

#if __cplusplus >= 202002L
template <class T> using span = std::span<T>;
#else
template <class T> using span = view<T>;
#endif

/* Elements are cleared. */
template <class T> handle<T> make_array(struct memlane *m, std::size_t nr)
{
	memlane_alloc_opts opts = {};
	memlane_handle h;
	std::size_t bytes;

	if (__builtin_mul_overflow(nr, sizeof(T), &bytes))
		fail(-EINVAL);
	opts.flags = MEMLANE_ZERO;
	opts.align = alignof(T) > 16 ? alignof(T) : 0;
	check(memlane_alloc_with(m, bytes, &opts, &h));
	return handle<T>(h);
}

/* Owns an arena; all its objects end with it. */
class arena {
public:
	arena() { check(memlane_open(&m_, nullptr)); }
	explicit arena(const memlane_config &config) { check(memlane_open(&m_, &config)); }
	arena(arena &&other) noexcept : m_(std::exchange(other.m_, nullptr)) {}
	arena &operator=(arena &&other) noexcept
	{
		std::swap(m_, other.m_);
		return *this;
	}
	arena(const arena &) = delete;
	arena &operator=(const arena &) = delete;
	~arena() { memlane_close(m_); }

	struct memlane *raw() const noexcept { return m_; }

	template <class T> handle<T> make_array(std::size_t nr) const
	{
		return mlane::make_array<T>(m_, nr);
	}
	template <class T> handle<T> make(const T &value = T()) const;
	template <class T> void free(handle<T> h) const { check(memlane_free(m_, h.raw())); }
	template <class T> bool valid(handle<T> h) const noexcept
	{
		return memlane_is_valid(m_, h.raw());
	}
	template <class T> std::size_t count(handle<T> h) const noexcept
	{
		return memlane_size(m_, h.raw()) / sizeof(T);
	}
	template <class T> int lane(handle<T> h) const
	{
		int lane = memlane_lane(m_, h.raw());

		check(lane);
		return lane;
	}
	template <class T> void migrate(handle<T> h, int lane) const
	{
		check(memlane_migrate(m_, h.raw(), lane));
	}
	template <class T> void migrate(handle<T>, enum memlane_alloc_lane) const = delete;
	template <class T> void migrate(handle<T>, enum memlane_lane_set) const = delete;
	/* Until there is a hole of so many bytes, or so little in use; 0, 0: fully. */
	memlane_step compact(std::size_t hole = 0, double usage = 0) const
	{
		memlane_step step = {};

		check(memlane_compact_until(m_, 0, hole, usage, &step));
		return step;
	}
	void maintain() const { check(memlane_maintain(m_, nullptr)); }

private:
	struct memlane *m_ = nullptr;
};

/* Enters, and exits at its end: what it gives is good until then. */
class section {
public:
	explicit section(const arena &a) : section(a.raw()) {}
	explicit section(struct memlane *m) : m_(m) { check(memlane_enter(m_)); }
	section(const section &) = delete;
	section &operator=(const section &) = delete;
	~section() { memlane_exit(m_); }

	template <class T> T *find(handle<T> h) const noexcept
	{
		return static_cast<T *>(memlane_get(m_, h.raw()));
	}
	template <class T> T &operator[](handle<T> h) const
	{
		void *p;

		check(memlane_try_get(m_, h.raw(), sizeof(T), &p));
		return *static_cast<T *>(p);
	}
	template <class T> view<T> all(handle<T> h) const
	{
		return view<T>(&(*this)[h], memlane_size(m_, h.raw()) / sizeof(T));
	}
	template <class T> mlane::span<T> span(handle<T> h) const { return all(h); }

private:
	struct memlane *m_;
};

template <class T> handle<T> arena::make(const T &value) const
{
	struct guard { /* frees what could not be filled */
		struct memlane *m;
		memlane_handle h;
		~guard()
		{
			if (h)
				memlane_free(m, h);
		}
	};
	const T own = value;
	handle<T> h = make_array<T>(1);
	guard g = { m_, h.raw() };
	section s(*this);

	s[h] = own;
	g.h = 0;
	return h;
}

/* Owns an object, and frees it at its end; one that was moved from owns nothing. */
template <class T> class unique_handle {
public:
	unique_handle() = default;
	unique_handle(const arena &a, handle<T> h) noexcept : m_(a.raw()), h_(h) {}
	unique_handle(unique_handle &&other) noexcept : m_(other.m_), h_(other.release()) {}
	unique_handle &operator=(unique_handle &&other) noexcept
	{
		unique_handle own(std::move(other));

		std::swap(m_, own.m_);
		std::swap(h_, own.h_);
		return *this;
	}
	unique_handle(const unique_handle &) = delete;
	unique_handle &operator=(const unique_handle &) = delete;
	~unique_handle() { reset(); }

	handle<T> get() const noexcept { return h_; }
	explicit operator bool() const noexcept { return bool(h_); }
	handle<T> release() noexcept { return std::exchange(h_, handle<T>()); }
	/* An object that is pinned stays: it is left to the arena. */
	void reset() noexcept
	{
		if (h_)
			memlane_free(m_, release().raw());
	}

private:
	struct memlane *m_ = nullptr;
	handle<T> h_;
};

template <class T> unique_handle<T> make_unique(const arena &a, const T &value = T())
{
	return unique_handle<T>(a, a.make<T>(value));
}

/* Pins an object of at least one element, and unpins at its end. */
template <class T> class pin {
public:
	pin(const arena &a, handle<T> h) : m_(a.raw()), h_(h)
	{
		check(memlane_try_pin(m_, h.raw(), &p_));
		if (memlane_size(m_, h.raw()) < sizeof(T)) {
			memlane_unpin(m_, h.raw());
			fail(-ERANGE);
		}
	}
	pin(pin &&other) noexcept : m_(other.m_), h_(other.h_), p_(std::exchange(other.p_, nullptr)) {}
	pin(const pin &) = delete;
	pin &operator=(const pin &) = delete;
	~pin()
	{
		if (p_)
			memlane_unpin(m_, h_.raw());
	}

	T *get() const noexcept { return static_cast<T *>(p_); }
	T &operator*() const noexcept { return *get(); }
	T *operator->() const noexcept { return get(); }
	view<T> all() const noexcept
	{
		return view<T>(get(), memlane_size(m_, h_.raw()) / sizeof(T));
	}
	mlane::span<T> span() const noexcept { return all(); }

private:
	struct memlane *m_;
	handle<T> h_;
	void *p_ = nullptr;
};

/*
 * Owns an array that may grow; one that was moved from is empty. Its object cannot go
 * while it is pinned: growing throws EBUSY and changes nothing, and a container that
 * ends meanwhile leaves it to the arena.
 */
template <class T> class buffer {
public:
	buffer(const arena &a, std::size_t room) : buffer(a.raw(), room) {}
	buffer(struct memlane *m, std::size_t room) : m_(m), room_(room)
	{
		if (room)
			h_ = make_array<T>(m_, room);
	}
	buffer(buffer &&other) noexcept
		: m_(other.m_), h_(std::exchange(other.h_, handle<T>())),
		  room_(std::exchange(other.room_, 0)) {}
	buffer &operator=(buffer &&other) noexcept
	{
		buffer own(std::move(other));

		std::swap(m_, own.m_);
		std::swap(h_, own.h_);
		std::swap(room_, own.room_);
		return *this;
	}
	buffer(const buffer &) = delete;
	buffer &operator=(const buffer &) = delete;
	~buffer()
	{
		if (h_)
			memlane_free(m_, h_.raw());
	}

	struct memlane *home() const noexcept { return m_; }
	std::size_t room() const noexcept { return room_; }
	handle<T> raw() const noexcept { return h_; }
	/*
	 * The first @keep elements move on to a larger object: the same one, or in a section
	 * and where there is no other way, a new one.
	 */
	void grow(std::size_t room, std::size_t keep)
	{
		if (h_ && alignof(T) <= 16 && room <= MEMLANE_SIZE_MAX / sizeof(T) &&
		    !memlane_resize(m_, h_.raw(), room * sizeof(T))) {
			room_ = room;
			return;
		}
		buffer bigger(m_, room);

		if (keep) {
			section s(m_);

			std::memcpy(&s[bigger.h_], &s[h_], keep * sizeof(T));
		}
		check(memlane_free(m_, h_.raw()));
		h_ = std::exchange(bigger.h_, handle<T>());
		room_ = room;
	}

private:
	struct memlane *m_;
	handle<T> h_;
	std::size_t room_;
};

/*
 * Elements by value; in() for those who are in a section. What [] and iterators give stands
 * for an element and reaches it when it is read or assigned, each time in a section of its
 * own: it stays good when the vector grows or its object moves.
 */
template <class T> class vector {
public:
	class reference {
	public:
		reference(vector &v, std::size_t i) noexcept : v_(&v), i_(i) {}
		reference(const reference &) = default;
		operator T() const { return v_->get(i_); }
		reference &operator=(const T &value)
		{
			v_->set(i_, value);
			return *this;
		}
		reference &operator=(const reference &other) { return *this = T(other); }
		friend void swap(reference a, reference b)
		{
			const T was = a;

			a = T(b);
			b = was;
		}

	private:
		vector *v_;
		std::size_t i_;
	};

	/* Goes forwards and backwards; V: of vector or const vector, R: what it gives. */
	template <class V, class R> class position {
	public:
		using iterator_category = std::input_iterator_tag;
		using value_type = T;
		using difference_type = std::ptrdiff_t;
		using reference = R;
		using pointer = void;

		position(V &v, std::size_t i) noexcept : v_(&v), i_(i) {}
		R operator*() const { return (*v_)[i_]; }
		position &operator++() noexcept { ++i_; return *this; }
		position operator++(int) noexcept { position was = *this; ++i_; return was; }
		position &operator--() noexcept { --i_; return *this; }
		position operator+(difference_type n) const noexcept { return position(*v_, i_ + n); }
		difference_type operator-(position other) const noexcept { return i_ - other.i_; }
		bool operator==(position other) const noexcept { return i_ == other.i_; }
		bool operator!=(position other) const noexcept { return i_ != other.i_; }
		std::size_t index() const noexcept { return i_; }

	private:
		V *v_;
		std::size_t i_;
	};

	using value_type = T;
	using size_type = std::size_t;
	using iterator = position<vector, reference>;
	using const_iterator = position<const vector, T>;

	explicit vector(const arena &a) : b_(a, 0) {}
	vector(const arena &a, std::initializer_list<T> values) : b_(a, values.size())
	{
		for (const T &value : values)
			push_back(value);
	}
	vector(const vector &other) : b_(other.b_.home(), other.size_), size_(other.size_)
	{
		if (!size_)
			return;
		section s(b_.home());
		std::memcpy(&s[b_.raw()], &s[other.b_.raw()], size_ * sizeof(T));
	}
	vector &operator=(const vector &other)
	{
		vector copy(other);

		return *this = std::move(copy);
	}
	vector(vector &&other) noexcept : b_(std::move(other.b_)), size_(std::exchange(other.size_, 0)) {}
	vector &operator=(vector &&other) noexcept
	{
		const std::size_t size = std::exchange(other.size_, 0);

		b_ = std::move(other.b_);
		size_ = size;
		return *this;
	}

	std::size_t size() const noexcept { return size_; }
	std::size_t capacity() const noexcept { return b_.room(); }
	bool empty() const noexcept { return !size_; }
	struct memlane *home() const noexcept { return b_.home(); }
	handle<T> raw() const noexcept { return b_.raw(); }
	void reserve(std::size_t room)
	{
		if (room > b_.room())
			b_.grow(room, size_);
	}
	void push_back(const T &value)
	{
		const T own = value;

		if (size_ == b_.room())
			b_.grow(size_ ? 2 * size_ : 8, size_);
		section s(b_.home());
		s.all(b_.raw())[size_] = own;
		size_++;
	}
	template <class... Args> void emplace_back(Args &&...args)
	{
		push_back(T{ std::forward<Args>(args)... });
	}
	/* More elements are copies of @value. */
	void resize(std::size_t size, const T &value = T())
	{
		const T own = value;

		reserve(size);
		if (size > size_) {
			section s(b_.home());
			view<T> all = s.all(b_.raw());

			for (std::size_t i = size_; i < size; i++)
				all[i] = own;
		}
		size_ = size;
	}
	/* Elements @from up to, not including, @to; those behind them close up. */
	void erase(std::size_t from, std::size_t to)
	{
		if (from > to || to > size_)
			fail(-ERANGE);
		if (from == to)
			return;
		section s(b_.home());
		view<T> all = in(s);

		std::memmove(all.data() + from, all.data() + to, (size_ - to) * sizeof(T));
		size_ -= to - from;
	}
	iterator erase(iterator at)
	{
		erase(at.index(), at.index() + 1);
		return at;
	}
	iterator erase(iterator from, iterator to)
	{
		erase(from.index(), to.index());
		return from;
	}
	reference operator[](std::size_t i) noexcept { return reference(*this, i); }
	T operator[](std::size_t i) const { return get(i); }
	reference front() noexcept { return (*this)[0]; }
	reference back() noexcept { return (*this)[size_ - 1]; }
	iterator begin() noexcept { return iterator(*this, 0); }
	iterator end() noexcept { return iterator(*this, size_); }
	const_iterator begin() const noexcept { return const_iterator(*this, 0); }
	const_iterator end() const noexcept { return const_iterator(*this, size_); }
	void pop_back() noexcept { size_ -= size_ != 0; }
	void clear() noexcept { size_ = 0; }
	T get(std::size_t i) const
	{
		section s(b_.home());

		return in(s).at(i);
	}
	void set(std::size_t i, const T &value)
	{
		const T own = value;
		section s(b_.home());

		in(s).at(i) = own;
	}
	view<T> in(const section &s) const
	{
		return size_ ? s.all(b_.raw()).subview(0, size_) : view<T>();
	}

private:
	buffer<T> b_;
	std::size_t size_ = 0;
};

/* Owns a text; str() copies it out, in() shows it to those who are in a section. */
class string {
public:
	explicit string(const arena &a, const std::string &text = std::string()) : v_(a)
	{
		append(text);
	}
	string &operator=(const std::string &text)
	{
		/* What throws has changed nothing. */
		v_.reserve(text.size());
		v_.clear();
		return append(text);
	}
	string &append(const std::string &text)
	{
		const std::size_t was = v_.size();

		if (text.empty())
			return *this;
		v_.resize(was + text.size());
		section s(v_.home());
		std::memcpy(v_.in(s).data() + was, text.data(), text.size());
		return *this;
	}
	string &operator+=(const std::string &text) { return append(text); }
	std::size_t size() const noexcept { return v_.size(); }
	bool empty() const noexcept { return v_.empty(); }
	void clear() noexcept { v_.clear(); }
	char operator[](std::size_t i) const { return v_.get(i); }
	std::string str() const
	{
		section s(v_.home());
		view<char> all = in(s);

		return std::string(all.data() ? all.data() : "", all.size());
	}
	operator std::string() const { return str(); }
	view<char> in(const section &s) const { return v_.in(s); }
	bool operator==(const std::string &text) const { return str() == text; }
	bool operator!=(const std::string &text) const { return str() != text; }
	handle<char> raw() const noexcept { return v_.raw(); }

private:
	vector<char> v_;
};

/* First in, first out, of so many elements at most. */
template <class T> class ring {
public:
	ring(const arena &a, std::size_t room) : b_(a, room) {}
	ring(ring &&other) noexcept
		: b_(std::move(other.b_)), first_(std::exchange(other.first_, 0)),
		  size_(std::exchange(other.size_, 0)) {}
	ring &operator=(ring &&other) noexcept
	{
		const std::size_t first = std::exchange(other.first_, 0);
		const std::size_t size = std::exchange(other.size_, 0);

		b_ = std::move(other.b_);
		first_ = first;
		size_ = size;
		return *this;
	}

	std::size_t size() const noexcept { return size_; }
	std::size_t capacity() const noexcept { return b_.room(); }
	bool empty() const noexcept { return !size_; }
	bool push(const T &value)
	{
		const T own = value;

		if (size_ == b_.room())
			return false;
		section s(b_.home());
		s.all(b_.raw())[(first_ + size_) % b_.room()] = own;
		size_++;
		return true;
	}
	bool pop(T &value)
	{
		if (!size_)
			return false;
		section s(b_.home());
		value = s.all(b_.raw())[first_];
		first_ = (first_ + 1) % b_.room();
		size_--;
		return true;
	}
	handle<T> raw() const noexcept { return b_.raw(); }

private:
	buffer<T> b_;
	std::size_t first_ = 0;
	std::size_t size_ = 0;
};

} /* namespace mlane */

/* C's arena, of which there are only pointers, and the scope memlane::. */
struct memlane {
	memlane() = delete;
	memlane(const memlane &) = delete;
	memlane &operator=(const memlane &) = delete;

	using arena = mlane::arena;
	using error = mlane::error;
	using section = mlane::section;
	using string = mlane::string;
	template <class T> using buffer = mlane::buffer<T>;
	template <class T> using handle = mlane::handle<T>;
	template <class T> using pin = mlane::pin<T>;
	template <class T> using ring = mlane::ring<T>;
	template <class T> using span = mlane::span<T>;
	template <class T> using unique_handle = mlane::unique_handle<T>;
	template <class T> using vector = mlane::vector<T>;
	template <class T> using view = mlane::view<T>;

	template <class T> static handle<T> make_array(memlane *m, std::size_t nr)
	{
		return mlane::make_array<T>(m, nr);
	}
	template <class T> static unique_handle<T> make_unique(const arena &a, const T &value = T())
	{
		return mlane::make_unique<T>(a, value);
	}
};

/* A handle as a key: its object may move, and it stays what it is. */
template <class T> struct std::hash<mlane::handle<T>> {
	std::size_t operator()(mlane::handle<T> h) const noexcept
	{
		return std::hash<memlane_handle>()(h.raw());
	}
};

#endif /* MEMLANE_HPP */
