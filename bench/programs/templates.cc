// SPDX-License-Identifier: MIT
// clang: templates of the standard library for WIDTH different types
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <regex>
#include <string>
#include <unordered_map>
#include <vector>

template <int N> struct Key {
	std::string name;
	int rank = N;
	bool operator<(const Key &o) const
	{
		return rank != o.rank ? rank < o.rank : name < o.name;
	}
};

template <int N> struct Graph {
	std::map<Key<N>, std::vector<std::shared_ptr<Key<N>>>> edges;
	std::unordered_map<std::string, std::function<int(Key<N> &)>> visit;

	int walk()
	{
		int sum = 0;
		for (auto &[from, list] : edges) {
			std::sort(list.begin(), list.end(),
				  [](auto &a, auto &b) { return *a < *b; });
			for (auto &to : list)
				sum += visit.at(from.name)(*to);
		}
		return sum;
	}
};

template <int N> int all()
{
	Graph<N> g;
	g.visit["x"] = [](Key<N> &k) { return k.rank * N; };
	g.edges[{ "x" }].push_back(std::make_shared<Key<N>>());
	if constexpr (N > 0)
		return g.walk() + all<N - 1>();
	return g.walk();
}

bool matches(const std::string &s)
{
	return std::regex_search(s, std::regex("a+(b|c)*d"));
}

int result()
{
	return all<WIDTH>();
}
