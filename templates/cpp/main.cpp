#include <iostream>
#include <map>
#include <sstream>
#include <string>

using Counts = std::map<std::string, int>;

Counts count_words(const std::string& line) {
    Counts counts;
    std::istringstream words(line);
    for (std::string word; words >> word;) ++counts[word];
    return counts;
}

int main() {
    std::cout << "I count words. An empty line ends the program.\n";
    while (true) {
        std::cout << "Your sentence? " << std::flush;
        std::string line;
        if (!std::getline(std::cin, line) || line.empty()) break;
        for (const auto& [word, count] : count_words(line)) {
            std::cout << "  " << word << ": " << count << '\n';
        }
    }
    std::cout << "Goodbye.\n";
}
