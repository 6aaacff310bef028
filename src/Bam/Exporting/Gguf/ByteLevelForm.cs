using Bam.Tokenization;
using Bam.Tokenization.Models;
using Bam.Tokenization.Normalizers;
using Bam.Tokenization.PreTokenizers;
using Bam.Tokenization.Unicode;

namespace Bam.Exporting.Gguf;

/// <summary>Byte-level BPE as llama.cpp has it: merges by rank, and a name for the way in which a text is cut into words.</summary>
internal static class ByteLevelForm
{
    /// <summary>Adds the kind of vocabulary, the merges and the pre-tokenizer.</summary>
    /// <exception cref="InvalidInputException">llama.cpp has no such pre-tokenizer or normalizer.</exception>
    public static void Add(GgufMetadata metadata, string prefix, Tokenizer tokenizer, string path, IReporter reporter)
    {
        if (tokenizer.Normalizer is UnicodeForm { Form: var form } && form == UnicodeNormalization.Nfc)
            reporter.Warn($"{path}: llama.cpp does not normalise text; give it what is in the form NFC, as most text is");
        else if (tokenizer.Normalizer is not null)
            throw new InvalidInputException($"{path}: normalizer", "none, or NFC", "another", "llama.cpp would give other ids; remove the tokenizer from the model, and the file will hold no vocabulary");

        metadata.Add($"{prefix}model", "gpt2");
        metadata.Add($"{prefix}pre", NameOf(tokenizer.PreTokenizers, tokenizer.Model) ?? throw new InvalidInputException(
            $"{path}: pre_tokenizer", "that of GPT-2, Llama 3, Qwen 2 or GPT-2 with single digits, without a prefix space", "another",
            "llama.cpp would give other ids; remove the tokenizer from the model, and the file will hold no vocabulary"));
        metadata.Add($"{prefix}merges", Merges(tokenizer));
    }

    /// <summary>llama.cpp's name of a pre-tokenizer (<c>llama_vocab_pre_type</c>); null where it has none.</summary>
    private static string? NameOf(IReadOnlyList<PreTokenizer> steps, BpeModel model) => (steps, model.IgnoreMerges) switch
    {
        ([ByteLevel { AddPrefixSpace: false, UseRegex: true }], false) => "gpt-2",
        ([Gpt2Splitter, ByteLevel { AddPrefixSpace: false, UseRegex: false }], false) => "gpt-2",
        ([Digits { Individual: true }, ByteLevel { AddPrefixSpace: false, UseRegex: true }], false) => "smollm",
        ([Llama3Splitter { MaxDigits: 3 }, ByteLevel { AddPrefixSpace: false, UseRegex: false }], true) => "llama-bpe",
        ([Llama3Splitter { MaxDigits: 3 }, ByteLevel { AddPrefixSpace: false, UseRegex: false }], false) => "smaug-bpe",
        ([Llama3Splitter { MaxDigits: 1 }, ByteLevel { AddPrefixSpace: false, UseRegex: false }], false) => "qwen2",
        _ => null,
    };

    private static string[] Merges(Tokenizer tokenizer)
    {
        var merges = tokenizer.Model.Merges.Items;
        var lines = new string[merges.Length];
        for (var rank = 0; rank < merges.Length; rank++)
            lines[rank] = $"{tokenizer.IdToToken(merges[rank].First)} {tokenizer.IdToToken(merges[rank].Second)}";
        return lines;
    }
}
