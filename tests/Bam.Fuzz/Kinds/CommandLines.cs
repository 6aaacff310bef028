using System.CommandLine;

namespace Bam.Fuzz.Kinds;

/// <summary>Command lines of words that fit, that almost fit, and that do not.</summary>
internal static class CommandLines
{
    private static readonly string[] Words =
    [
        "", "x", "-", "--", "-1", "0", "1", "2", "0.5", "1e999", "NaN", "2147483648", "99999999999999999999", "1,2",
        "float16", "float32", "cpu", "cuda:9", "soup", "btx", "bam", "hf", "gguf", "10kB", "1PB", "400B",
        "é漢😀", "\u001b[31m", "a\nb", "@x", "--json", "--help", "--version", "--nothing",
        "/dev/null", "/dev/zero", "/nowhere", new string('w', 300),
    ];

    public static string[] Make(Workspace workspace, Dice dice)
    {
        string[] paths =
        [
            Samples.ModelWithTokenizer(workspace), Path.Combine(Samples.Domain(workspace), "law"),
            Path.Combine(Samples.Domain(workspace), "tokenizer.json"),
            Path.Combine(Samples.Texts(workspace), "law.txt"), workspace["nowhere"], workspace[""],
        ];
        if (dice.Chance(0.35)) return Fitting(workspace, dice);
        var (verb, words) = Verb(dice);
        var line = new List<string>(words);
        if (verb is null) return [.. line, .. Enumerable.Range(0, dice.Next(3)).Select(_ => dice.Of(Words))];
        foreach (var argument in verb.Arguments)
        {
            if (!dice.Chance(0.85)) continue;
            line.Add(argument.Name == "METHOD" ? dice.Of(["bam", "btx", "soup", "sparse", "x"]) : Value(argument.Name));
        }

        foreach (var option in verb.Options)
        {
            if (!dice.Chance(option.Required ? 0.9 : 0.2)) continue;
            line.Add(option.Name);
            if (option.ValueType != typeof(bool) || dice.Chance(0.05)) line.Add(Value(option.Name));
        }

        if (line[0] == "run") line.Add("--dry-run");
        if (dice.Chance(0.1)) line.Insert(dice.Next(line.Count + 1), dice.Of(Words));
        return [.. line];

        // What is written is written inside the case.
        string Value(string name) => name == "--output"
            ? dice.Chance(0.5) ? workspace["out"] : dice.Of(paths)
            : dice.Chance(0.6) ? dice.Of(paths) : dice.Of(Words);
    }

    private static (Command? Verb, IReadOnlyList<string> Words) Verb(Dice dice)
    {
        // The demo takes minutes, and latency is measured for seconds.
        var first = dice.Of(Cli.Program.Verbs.Where(verb => verb.Name is not "demo").ToList());
        if (first.Subcommands.Count == 0) return (first, [first.Name]);
        var second = dice.Of(first.Subcommands.Where(verb => verb.Name is not "latency").ToList());
        return dice.Chance(0.05) ? (null, [first.Name]) : (second, [first.Name, second.Name]);
    }

    /// <summary>A line that asks for something possible, nearly always.</summary>
    private static string[] Fitting(Workspace workspace, Dice dice)
    {
        var model = Samples.ModelWithTokenizer(workspace);
        var domain = Samples.Domain(workspace);
        var (law, tokenizer) = (Path.Combine(domain, "law"), Path.Combine(domain, "tokenizer.json"));
        var text = Path.Combine(Samples.Texts(workspace), dice.Of(["law.txt", "law.jsonl", "code.jsonl"]));
        var output = workspace["out"];
        List<string> line = dice.Next(13) switch
        {
            0 =>
            [
                "cost", dice.Of([model, "bam-small", "bam-large"]),
                .. Maybe("--method", "bam", "btx", "sparse"), .. Maybe("--models", "2", "3"), .. Maybe("--top-k", "1", "2"),
                .. Maybe("--batch-size", "4"), .. Maybe("--tokens", "1B"),
            ],
            1 => ["inspect", model, .. dice.Chance(0.4) ? [model] : Array.Empty<string>()],
            2 =>
            [
                "data", "inspect", dice.Of([law, Path.Combine(law, "train"), Path.Combine(law, "heldout")]),
                .. Maybe("--documents", "0", "1", "9"), .. Maybe("--tokenizer", tokenizer),
            ],
            3 =>
            [
                "data", "build", "--input", text, "--tokenizer", tokenizer, "--output", output,
                .. Maybe("--held-out-fraction", "0", "0.1", "0.5"), .. Maybe("--name", "law", "é"),
                .. Maybe("--bos", "document", "none"), .. Maybe("--seed", "3"), .. Maybe("--skip-bad-lines", "0", "2"),
            ],
            4 =>
            [
                "tokenizer", "train", text, "--vocab-size", dice.Of(["257", "260", "300"]), "--output", output,
                .. Maybe("--style", "gpt2", "llama3"), .. Maybe("--min-frequency", "1", "5"),
                .. Maybe("--special-token", "<s>", "<|x|>"),
            ],
            5 => ["tokenizer", "encode", text, "--tokenizer", dice.Of([tokenizer, model]), .. Maybe("--text-key", "text")],
            6 =>
            [
                "mix", dice.Of(["bam", "btx", "soup", "sparse"]), "--seed", model, "--expert", model, "--output", output,
                .. Maybe("--dtype", "bfloat16", "float16", "float64"), .. Maybe("--shard-size", "20kB", "1GB"),
                .. dice.Chance(0.2) ? ["--check-finite"] : Array.Empty<string>(),
            ],
            7 =>
            [
                "export", model, "--format", dice.Of(["hf", "gguf"]), "--output", output,
                .. Maybe("--dtype", "float16", "bfloat16", "float32"), .. Maybe("--shard-size", "20kB"),
            ],
            8 =>
            [
                "generate", model, "--prompt", dice.Of(["Once", "a b", "xyz!"]), "--max-tokens", dice.Of(["1", "3"]),
                "--device", "cpu", .. Maybe("--temperature", "0", "0.7"), .. Maybe("--top-k", "1", "5"),
                .. Maybe("--top-p", "0.5", "1"), .. Maybe("--stop", "x"), .. Maybe("--seed", "7"),
            ],
            9 =>
            [
                "eval", "perplexity", Samples.LargeVocabulary(workspace), "--data", law, "--device", "cpu",
                .. Maybe("--window", "8", "16"), .. Maybe("--batch-size", "1", "3"), .. Maybe("--bos", "none"),
            ],
            10 => ["run", Recipe(), "--dry-run", "--output", output],
            11 => ["tokenizer", "decode", Ids(), "--tokenizer", tokenizer],
            _ => [dice.Of(["run", "train"]), "--schema"],
        };
        if (dice.Chance(0.3)) line.Add("--json");
        return [.. line];

        string[] Maybe(string option, params string[] values) => dice.Chance(0.3) ? [option, dice.Of(values)] : [];

        string Recipe()
        {
            File.WriteAllText(Path.Combine(Samples.Texts(workspace), "recipe.yaml"), Samples.RecipeYaml);
            return Path.Combine(Samples.Texts(workspace), "recipe.yaml");
        }

        string Ids()
        {
            File.WriteAllText(workspace["ids.txt"], string.Join(' ', Enumerable.Range(0, 9).Select(_ => dice.Next(300))));
            return workspace["ids.txt"];
        }
    }
}
