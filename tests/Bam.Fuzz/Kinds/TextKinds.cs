using System.Text;
using Bam.Fuzz.Mutations;

namespace Bam.Fuzz.Kinds;

/// <summary>Tokenizers, text in every form, and the data made of it.</summary>
internal static class TextKinds
{
    public static string[] TokenizerText(Workspace workspace, Dice dice)
    {
        var tokenizer = Tokenizer(workspace, dice);
        Workspace.Mutate(tokenizer, bytes => JsonMutation.Of(bytes, dice));
        var text = dice.Of(
        [
            "Hello, world!", "", "  a\tb\n\nc  ", "Straße 漢字 😀 é e\u0301", "\u0000\u001b", new string('x', 3000),
            "<s> </s> <|endoftext|>", "1234567890",
        ]);
        File.WriteAllText(workspace["text.txt"], text);
        return ["tokenizer", "encode", workspace["text.txt"], "--tokenizer", tokenizer];
    }

    public static string[] TokenIds(Workspace workspace, Dice dice)
    {
        var tokenizer = Tokenizer(workspace, dice);
        if (dice.Chance(0.5)) Workspace.Mutate(tokenizer, bytes => JsonMutation.Of(bytes, dice));
        var ids = Enumerable.Range(0, 1 + dice.Next(12)).Select(_ =>
            dice.Chance(0.9) ? $"{dice.Next(1000)}" : dice.Of(["-1", "2147483647", "2147483648", "x", "[1, 2]", "1e3", ","]));
        File.WriteAllText(workspace["ids.txt"], string.Join(' ', ids));
        return
        [
            "tokenizer", "decode", workspace["ids.txt"], "--tokenizer", tokenizer,
            .. dice.Chance(0.5) ? ["--skip-special-tokens"] : Array.Empty<string>(),
        ];
    }

    private static string Tokenizer(Workspace workspace, Dice dice)
    {
        var source = dice.Of(Samples.Tokenizers);
        var directory = workspace.Copy(Path.GetFileName(source), target =>
            File.Copy(Path.Combine(source, "tokenizer.json"), Path.Combine(target, "tokenizer.json")));
        return Path.Combine(directory, "tokenizer.json");
    }

    public static string[] IndexedData(Workspace workspace, Dice dice)
    {
        var domain = Samples.Domain(workspace);
        var prefix = Path.Combine(domain, "law", "train");
        if (dice.Chance(0.3)) Workspace.Mutate($"{prefix}.bin", bytes => ByteMutation.InPlace(bytes, dice));
        else Workspace.Mutate($"{prefix}.{(dice.Chance(0.8) ? "idx" : "bin")}", bytes => ByteMutation.Of(bytes, dice));
        return dice.Chance(0.5)
            ? ["data", "inspect", prefix]
            : ["data", "inspect", prefix, "--tokenizer", Path.Combine(domain, "tokenizer.json"), "--documents", "2"];
    }

    public static string[] DataReport(Workspace workspace, Dice dice)
    {
        var domain = Samples.Domain(workspace);
        Workspace.Mutate(Path.Combine(domain, "law", "report.json"), bytes => JsonMutation.Of(bytes, dice));
        return ["data", "inspect", Path.Combine(domain, "law")];
    }

    public static string[] MeasuredData(Workspace workspace, Dice dice)
    {
        var domain = Samples.Domain(workspace);
        var file = dice.Of(["heldout.idx", "heldout.bin", "report.json"]);
        Workspace.Mutate(Path.Combine(domain, "law", file), bytes => Path.GetExtension(file) switch
        {
            ".json" => JsonMutation.Of(bytes, dice),
            ".bin" => ByteMutation.InPlace(bytes, dice),
            _ => ByteMutation.Of(bytes, dice),
        });
        return
        [
            "eval", "perplexity", Samples.LargeVocabulary(workspace),
            "--data", dice.Chance(0.5) ? Path.Combine(domain, "law") : Path.Combine(domain, "law", "heldout"),
            "--window", "16", "--device", "cpu",
        ];
    }

    public static string[] JsonLines(Workspace workspace, Dice dice)
    {
        var file = Path.Combine(Samples.Texts(workspace), "law.jsonl");
        MutateLines(file, dice);
        return Build(workspace, file);
    }

    public static string[] Conversations(Workspace workspace, Dice dice)
    {
        var file = Path.Combine(Samples.Talks(workspace), "talks.jsonl");
        MutateLines(file, dice);
        return BuildTalks(workspace, file, dice);
    }

    public static string[] ChatTemplate(Workspace workspace, Dice dice)
    {
        var talks = Samples.Talks(workspace);
        Workspace.Mutate(Path.Combine(talks, "talk.jinja"), bytes => TextMutation.Of(bytes, dice));
        return BuildTalks(workspace, Path.Combine(talks, "talks.jsonl"), dice);
    }

    private static string[] BuildTalks(Workspace workspace, string file, Dice dice) =>
        [
            .. Build(workspace, file), "--chat", "--loss-on", dice.Of(["assistant", "all"]), "--template",
            Path.Combine(Path.GetDirectoryName(file)!, "talk.jinja"),
        ];

    private static void MutateLines(string file, Dice dice) => Workspace.Mutate(file, bytes =>
        {
            var lines = Encoding.UTF8.GetString(bytes).Split('\n');
            for (var edits = dice.Few(); edits > 0; edits--)
            {
                var at = dice.Next(lines.Length);
                lines[at] = Encoding.UTF8.GetString(JsonMutation.Of(Encoding.UTF8.GetBytes(lines[at]), dice));
            }

            var text = Encoding.UTF8.GetBytes(string.Join('\n', lines));
            return dice.Chance(0.2) ? ByteMutation.Of(text, dice) : text;
        });

    public static string[] Gzip(Workspace workspace, Dice dice) => Compressed(workspace, dice, GzipMembers.Of, ".gz");

    public static string[] Zstd(Workspace workspace, Dice dice) => Compressed(workspace, dice, ZstdFrames.Of, ".zst");

    private static string[] Compressed(
        Workspace workspace, Dice dice, Func<byte[], Dice, byte[]> compression, string extension)
    {
        var file = Path.Combine(Samples.Texts(workspace), dice.Of(["law.jsonl", "law.txt"]));
        Workspace.Mutate(file, bytes =>
        {
            if (dice.Chance(0.2)) bytes = ByteMutation.Of(bytes, dice);
            var packed = compression(bytes, dice);
            return dice.Chance(0.6) ? packed : ByteMutation.Of(packed, dice);
        });
        File.Move(file, file + extension);
        return Build(workspace, file + extension);
    }

    public static string[] Parquet(Workspace workspace, Dice dice)
    {
        var file = workspace["law.parquet"];
        File.WriteAllBytes(file, dice.Chance(0.1) ? ParquetRows.Of(dice) : ParquetRows.Mutant(ParquetRows.Of(dice), dice));
        return
        [
            .. Build(workspace, file),
            .. dice.Chance(0.2) ? ["--text-key", dice.Of(["body.text", "id", "none"])] : Array.Empty<string>(),
            .. dice.Chance(0.2) ? ["--group-key", "source"] : Array.Empty<string>(),
        ];
    }

    public static string[] Text(Workspace workspace, Dice dice)
    {
        var file = Path.Combine(Samples.Texts(workspace), "law.txt");
        Workspace.Mutate(file, bytes => TextMutation.Of(bytes, dice));
        return dice.Chance(0.5)
            ? Build(workspace, file)
            :
            [
                .. Build(workspace, file), "--section-separator", "----",
                "--held-out-fraction", dice.Of(["0", "0.5", "1", "x"]),
            ];
    }

    private static string[] Build(Workspace workspace, string input) =>
        [
            "data", "build", "--input", input, "--tokenizer", Path.Combine(Samples.Domain(workspace), "tokenizer.json"),
            "--output", workspace["out"],
        ];

    public static string[] TokenizerTraining(Workspace workspace, Dice dice)
    {
        var file = Path.Combine(Samples.Texts(workspace), dice.Of(["law.txt", "law.jsonl"]));
        Workspace.Mutate(file, bytes => TextMutation.Of(bytes, dice));
        return
        [
            "tokenizer", "train", file,
            "--vocab-size", dice.Chance(0.7) ? $"{257 + dice.Next(60)}" : dice.Of(["256", "0", "-1", "x", "1000000"]),
            "--output", workspace["out.json"],
        ];
    }
}
