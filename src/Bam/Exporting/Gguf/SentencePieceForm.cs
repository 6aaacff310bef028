using System.Text;
using Bam.Tokenization;
using Bam.Tokenization.Models;
using Bam.Tokenization.Normalizers;
using Bam.Tokenization.PreTokenizers;
using Bam.Tokenization.Unicode;

namespace Bam.Exporting.Gguf;

/// <summary>
/// BPE over characters as llama.cpp has it, after SentencePiece: no merges but a score for every token, and any two neighbours merge
/// whose text together is a token, the best score first. Merges by rank say the same where every way to make a token is listed and
/// the ranks of one token stand together, as in the vocabularies of Llama 2 and Mistral; others are refused.
/// </summary>
internal static class SentencePieceForm
{
    private const string Space = "▁";
    private const string Hint = "llama.cpp would give other ids; remove the tokenizer from the model, and the file will hold no vocabulary";

    /// <summary>Adds the kind of vocabulary and the scores.</summary>
    /// <exception cref="InvalidInputException">Scores cannot express the tokenizer.</exception>
    public static void Add(GgufMetadata metadata, string prefix, Tokenizer tokenizer, CharacterBpe model, int vocabSize, string path, IReporter reporter)
    {
        if (!model.ByteFallback || model.IgnoreMerges)
            throw new InvalidInputException($"{path}: model", "bytes for what has no token (byte_fallback), and merges that count", "another BPE", Hint);
        metadata.Add($"{prefix}model", "llama");
        metadata.Add($"{prefix}pre", "default");
        metadata.Add($"{prefix}add_space_prefix", PutsSpaceInFront(tokenizer, path));
        if (tokenizer.PreTokenizers is [Metaspace { Scheme: not PrependScheme.Never }])
            reporter.Warn($"{path}: llama.cpp puts a space in front of every text, also where the tokenizer does not: before a space, or behind a special token");
        metadata.Add($"{prefix}scores", Scores(tokenizer, model, vocabSize, path));
        RequireEveryMerge(tokenizer, model, path);
    }

    private static bool PutsSpaceInFront(Tokenizer tokenizer, string path) => (tokenizer.Normalizer, tokenizer.PreTokenizers) switch
    {
        (NormalizerSequence { Steps: [Prepend { Prefix: Space }, Replace { Content: Space, Literal: " " }] }, []) => true,
        (Replace { Content: Space, Literal: " " }, []) => false,
        (null, [Metaspace { Replacement: Space, Splits: false, Scheme: var scheme }]) => scheme != PrependScheme.Never,
        _ => throw new InvalidInputException($"{path}: normalizer, pre_tokenizer", $"spaces that become {Space} and nothing else", "something else", Hint),
    };

    /// <summary>0 for what the first merge makes, -1 for the next, and so on.</summary>
    private static float[] Scores(Tokenizer tokenizer, CharacterBpe model, int vocabSize, string path)
    {
        var scores = new float[vocabSize];
        var made = new HashSet<int>();
        var last = -1;
        foreach (var merge in model.Merges.Items)
        {
            if (merge.Result == last) continue;
            if (!made.Add(merge.Result))
                throw new InvalidInputException($"{path}: model.merges", "those that make one token to stand together", $"{tokenizer.IdToToken(merge.Result)} in two places", Hint);
            scores[merge.Result] = 1 - made.Count;
            last = merge.Result;
        }

        return scores;
    }

    private static void RequireEveryMerge(Tokenizer tokenizer, CharacterBpe model, string path)
    {
        var added = tokenizer.AddedTokens.Select(token => token.Id).ToHashSet();
        foreach (var (token, id) in model.Vocabulary.Tokens)
        {
            if (added.Contains(id) || ByteToken.ValueOf(token) >= 0) continue;
            for (var cut = LengthOfRune(token, 0); cut < token.Length; cut += LengthOfRune(token, cut))
            {
                var (left, right) = (model.Vocabulary.IdOf(token.AsSpan(0, cut)), model.Vocabulary.IdOf(token.AsSpan(cut)));
                if (left >= 0 && right >= 0 && !model.Merges.Contains(left, right))
                    throw new InvalidInputException($"{path}: model.merges", $"'{token[..cut]}' with '{token[cut..]}', whose text together is a token", "no such merge", Hint);
            }
        }
    }

    private static int LengthOfRune(string text, int index) => Rune.TryGetRuneAt(text, index, out var rune) ? rune.Utf16SequenceLength : 1;
}
