using System.CommandLine;

namespace Bam.Fuzz.Kinds;

/// <summary>Command lines of words that fit, that almost fit, and that do not.</summary>
internal static class CommandLines
{
    private static readonly string[] Words =
    [
        "", "x", "-", "--", "-1", "0", "1", "2", "0.5", "1e999", "NaN", "2147483648", "99999999999999999999", "1,2", "float16", "float32", "cpu", "cuda:9", "soup", "btx", "bam",
        "hf", "gguf", "10kB", "1PB", "400B", "é漢😀", "\u001b[31m", "a\nb", "@x", "--json", "--help", "--version", "--nothing", "/dev/null", "/dev/zero", "/nowhere", new string('w', 300),
    ];

    public static string[] Make(Workspace workspace, Dice dice)
    {
        string[] paths =
        [
            Samples.ModelWithTokenizer(workspace), Path.Combine(Samples.Domain(workspace), "law"), Path.Combine(Samples.Domain(workspace), "tokenizer.json"),
            Path.Combine(Samples.Texts(workspace), "law.txt"), workspace["nowhere"], workspace[""],
        ];
        var (verb, words) = Verb(dice);
        var line = new List<string>(words);
        if (verb is null) return [.. line, .. Enumerable.Range(0, dice.Next(3)).Select(_ => dice.Of(Words))];
        foreach (var argument in verb.Arguments)
            if (dice.Chance(0.85)) line.Add(argument.Name == "METHOD" ? dice.Of(["bam", "btx", "soup", "sparse", "x"]) : Value(argument.Name));
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
        string Value(string name) => name == "--output" ? dice.Chance(0.5) ? workspace["out"] : dice.Of(paths) : dice.Chance(0.6) ? dice.Of(paths) : dice.Of(Words);
    }

    private static (Command? Verb, IReadOnlyList<string> Words) Verb(Dice dice)
    {
        // The demo takes minutes, and latency is measured for seconds.
        var first = dice.Of(Cli.Program.Verbs.Where(verb => verb.Name is not "demo").ToList());
        if (first.Subcommands.Count == 0) return (first, [first.Name]);
        var second = dice.Of(first.Subcommands.Where(verb => verb.Name is not "latency").ToList());
        return dice.Chance(0.05) ? (null, [first.Name]) : (second, [first.Name, second.Name]);
    }
}
