using System.Text;
using Bam.Tokenization;
using Bam.Tokenization.Training;
using Bam.Tokenization.Unicode;
using Shouldly;
using Xunit;

namespace Bam.Tests.Tokenization;

public sealed class BpeTrainerTests
{
    [Fact]
    public void The_most_frequent_pair_comes_first_and_ties_go_to_smaller_ids()
    {
        // hug ×10, pug ×5, pun ×12, bun ×4, hugs ×5: the example of Hugging Face's course.
        var corpus = Repeat("hug", 10) + Repeat("pug", 5) + Repeat("pun", 12) + Repeat("bun", 4) + Repeat("hugs", 5);
        var tokenizer = BpeTrainer.Train([corpus], new() { VocabSize = 257 + 4 });
        NewTokens(tokenizer).ShouldBe(["ug", "un", "hug", "pun"]);
    }

    [Theory]
    [InlineData(TokenizerStyle.Gpt2)]
    [InlineData(TokenizerStyle.Llama3)]
    [InlineData(TokenizerStyle.Cohere)]
    [InlineData(TokenizerStyle.GptNeoX)]
    internal void Merges_are_those_of_the_definition(TokenizerStyle style)
    {
        var options = new BpeTrainerOptions { VocabSize = 330, Style = style };
        var corpus = Corpus(6, 60);
        var trained = BpeTrainer.Train(corpus, options);
        var words = Words(trained, corpus);
        NewTokens(trained).ShouldBe(ByDefinition(words, 330 - 257));
    }

    [Fact]
    public void Neither_threads_nor_the_order_of_documents_matter()
    {
        var corpus = Corpus(7, 300);
        corpus[0] = string.Join('\n', corpus); // one long document, which is cut into chunks
        var expected = BpeTrainer.Train(corpus, new() { VocabSize = 600, Threads = 1 }).Fingerprint;
        foreach (var threads in new[] { 2, 3, 8 })
            BpeTrainer.Train(corpus, new() { VocabSize = 600, Threads = threads }).Fingerprint.ShouldBe(expected);
        BpeTrainer.Train(corpus.Reverse(), new() { VocabSize = 600 }).Fingerprint.ShouldBe(expected);
    }

    [Theory]
    [InlineData(TokenizerStyle.Gpt2)]
    [InlineData(TokenizerStyle.Llama3)]
    [InlineData(TokenizerStyle.Cohere)]
    [InlineData(TokenizerStyle.GptNeoX)]
    internal void A_long_document_counts_as_if_it_were_not_cut(TokenizerStyle style)
    {
        var line = "The licensee's copy, 2024 edition:\n\n  see é e\u0301 \U0001D49C\nfoo(bar)\n";
        var document = string.Concat(Enumerable.Repeat(line, 4000));
        document.Length.ShouldBeGreaterThan(3 << 16);
        var tokenizer = BpeTrainer.Train([document], new() { VocabSize = 300, Style = style });
        // A prefix space at the start of a chunk, or a split word, would change the count of some pair.
        NewTokens(tokenizer).ShouldBe(ByDefinition(Words(tokenizer, [document]), 300 - 257));

        // Few words, so that a pair of line feeds that occurs only at chunk boundaries would become a token.
        var paragraphs = string.Concat(Enumerable.Repeat("X\n\n", 80_000)) + string.Concat(Enumerable.Repeat("Y\r\nZ\n", 80_000));
        tokenizer = BpeTrainer.Train([paragraphs], new() { VocabSize = 300, Style = style });
        NewTokens(tokenizer).ShouldBe(ByDefinition(Words(tokenizer, [paragraphs]), 300 - 257));
    }

    [Theory]
    [InlineData(TokenizerStyle.Gpt2)]
    [InlineData(TokenizerStyle.Llama3)]
    [InlineData(TokenizerStyle.Cohere)]
    [InlineData(TokenizerStyle.GptNeoX)]
    internal void Saved_and_loaded_it_gives_the_same_ids(TokenizerStyle style)
    {
        using var directory = new TemporaryDirectory();
        var corpus = Corpus(8, 100);
        var trained = BpeTrainer.Train(corpus, new() { VocabSize = 400, Style = style, SpecialTokens = ["<|end|>", "</s>"] });
        trained.VocabSize.ShouldBe(400);
        trained.EndOfTextId.ShouldBe(1);
        trained.Save(directory["t.json"]);
        var loaded = Tokenizer.Load(directory["t.json"]);
        loaded.Fingerprint.ShouldBe(trained.Fingerprint);
        foreach (var text in corpus.Append("</s>x<|end|> é 123")) loaded.Encode(text).ShouldBe(trained.Encode(text));
        loaded.Encode("<|end|></s>").ShouldBe([0, 1]);
    }

    [Fact]
    public void Special_tokens_come_first_then_all_bytes()
    {
        var tokenizer = BpeTrainer.Train(["x"], new() { VocabSize = 300, SpecialTokens = ["<a>", "<b>"] });
        tokenizer.VocabSize.ShouldBe(258); // nothing occurs twice: a smaller vocabulary than asked for
        tokenizer.IdToToken(0).ShouldBe("<a>");
        tokenizer.IdToToken(1).ShouldBe("<b>");
        Enumerable.Range(2, 256).Select(id => tokenizer.IdToToken(id)![0]).ShouldBe(ByteAlphabet.Ordered);
        var everyByte = new string([.. Enumerable.Range(0, 0x900).Select(c => (char)c)]) + "\U0010FFFF";
        tokenizer.Decode(tokenizer.Encode(everyByte)).ShouldBe(everyByte);
    }

    [Fact]
    public void No_merge_makes_a_special_token_of_text()
    {
        var tokenizer = BpeTrainer.Train([Repeat("the", 50)], new() { VocabSize = 300, SpecialTokens = ["the", "Ġthe"] });
        var ids = new List<int>();
        tokenizer.EncodeOrdinary(" the", ids);
        ids.ShouldAllBe(id => id >= 2);
    }

    [Fact]
    public void A_rare_pair_is_not_merged()
    {
        var corpus = new[] { Repeat("ab", 5) + Repeat("cd", 4) };
        NewTokens(BpeTrainer.Train(corpus, new() { VocabSize = 300, MinFrequency = 5 })).ShouldBe(["ab"]);
    }

    [Fact]
    public void Wrong_requests_cost_one_line()
    {
        Refusal(["x"], new() { VocabSize = 256 })
            .ShouldBe(
                "the tokenizer's vocabulary size: expected at least 257 (special tokens and 256 bytes), found 256; ask for more");
        Refusal(["x"], new() { VocabSize = 300, SpecialTokens = ["<a>", "<a>"] }).ShouldContain("distinct texts");
        Refusal(["x"], new() { VocabSize = 300, SpecialTokens = ["x"] }).ShouldContain("\"x\"");
        Refusal(["x"], new() { VocabSize = 300, MinFrequency = 0 }).ShouldContain("at least 1");
        Refusal(["", ""], new() { VocabSize = 300 }).ShouldBe(
            "the tokenizer's corpus: expected text, found none; give other documents");
        Refusal(Unreadable(), new() { VocabSize = 300, Threads = 2 }).ShouldBe("law.txt: line 3 is not UTF-8");

        static IEnumerable<string> Unreadable()
        {
            yield return "a good document";
            throw new InvalidInputException("law.txt: line 3 is not UTF-8");
        }

        static string Refusal(IEnumerable<string> documents, BpeTrainerOptions options) =>
            Should.Throw<InvalidInputException>(() => BpeTrainer.Train(documents, options)).Message;
    }

    [Fact]
    public void It_can_be_stopped_and_says_how_far_it_is()
    {
        using var stop = new CancellationTokenSource();
        var reports = new List<BpeTrainerProgress>();
        var progress = new Reports(report =>
        {
            lock (reports) reports.Add(report);
            if (report.Tokens > 270) stop.Cancel();
        });
        Should.Throw<OperationCanceledException>(
            () => BpeTrainer.Train(Corpus(9, 200), new() { VocabSize = 600 }, progress, stop.Token));
        reports.Max(r => r.Tokens).ShouldBe(271);
        reports.Max(r => r.Characters).ShouldBe(Corpus(9, 200).Sum(d => d.Length));
    }

    private static string Repeat(string word, int times) => string.Concat(Enumerable.Repeat(word + "\n", times));

    private static string[] NewTokens(Tokenizer tokenizer) =>
        [.. Enumerable.Range(257, tokenizer.VocabSize - 257).Select(id => tokenizer.IdToToken(id)!)];

    private static string[] Corpus(long seed, int documents)
    {
        var random = new RandomStream(seed, "corpus");
        string[] syllables =
            ["ba", "na", "the", "ing", "tion", " ", " ", " ", "\n", "é", "12", "3", "'s", "()", "日本", "\U0001D49C"];
        var texts = new string[documents];
        for (var i = 0; i < documents; i++)
        {
            var text = new StringBuilder();
            for (var j = random.NextInt64(120); j >= 0; j--) text.Append(syllables[random.NextInt64(syllables.Length)]);
            texts[i] = text.ToString();
        }

        return texts;
    }

    // The corpus as words of bytes: an untrained tokenizer gives a token per byte.
    private static Dictionary<string, int> Words(Tokenizer tokenizer, IEnumerable<string> corpus)
    {
        var words = new Dictionary<string, int>();
        foreach (var document in corpus)
        {
            var state = tokenizer.PreTokenize(document, continues: false, new(), new());
            foreach (var piece in state.Pieces.Items)
            {
                var bytes = Encoding.UTF8.GetBytes(state.Text.Slice(piece.Start, piece.Length).ToString());
                var word = new string([.. bytes.Select(ByteAlphabet.LetterOf)]);
                words[word] = words.GetValueOrDefault(word) + 1;
            }
        }

        return words;
    }

    // Recounts all pairs before each merge.
    private static List<string> ByDefinition(Dictionary<string, int> words, int merges)
    {
        var order = ByteAlphabet.Ordered.Select((letter, i) => (letter.ToString(), i)).ToDictionary();
        var split = words.Select(w => (Parts: w.Key.Select(letter => letter.ToString()).ToList(), Count: w.Value)).ToList();
        var tokens = new List<string>();
        while (tokens.Count < merges)
        {
            var counts = new Dictionary<(string First, string Second), int>();
            foreach (var (parts, count) in split)
            {
                for (var i = 0; i + 1 < parts.Count; i++)
                    counts[(parts[i], parts[i + 1])] = counts.GetValueOrDefault((parts[i], parts[i + 1])) + count;
            }

            var best = counts.Where(c => c.Value >= 2)
                .OrderByDescending(c => c.Value).ThenBy(c => order[c.Key.First]).ThenBy(c => order[c.Key.Second])
                    .FirstOrDefault().Key;
            if (best == default) break;
            var token = best.First + best.Second;
            if (order.TryAdd(token, order.Count)) tokens.Add(token);
            foreach (var (parts, _) in split)
            {
                for (var i = 0; i + 1 < parts.Count; i++)
                {
                    if ((parts[i], parts[i + 1]) != best) continue;
                    parts[i] = token;
                    parts.RemoveAt(i + 1);
                }
            }
        }

        return tokens;
    }

    private sealed class Reports(Action<BpeTrainerProgress> report) : IProgress<BpeTrainerProgress>
    {
        public void Report(BpeTrainerProgress value) => report(value);
    }
}
