using System.Text;

namespace Bam.Tests.Experiments;

/// <summary>Two tasks over the words of <see cref="ToyDomains"/>: one of choices, one of generated answers.</summary>
internal static class ToyTasks
{
    /// <summary>Keys of a recipe.</summary>
    public const string Yaml = """

        tasks:
          choose: { task: choose.yaml, file: choose.jsonl }
          finish: { task: finish.yaml, file: finish.csv, max_tokens: 4, models: [seed, btx, bam] }
        """;

    /// <summary>The items of the first task.</summary>
    public const int Items = 12;

    private const string Choose = """
        published: here
        kind: multiple_choice
        prompt: "{text}"
        choices: ["{first}", "{second}"]
        labels: ["0", "1"]
        answer: "{right}"
        metrics: [{ name: acc }]
        """;

    private const string Finish = """
        published: here
        kind: generate
        prompt: "{text}"
        answer: "{next}"
        max_tokens: 64
        metrics: [{ name: f1 }]
        """;

    private static readonly string[] Words = ["whereas", "party", "shall", "court", "herein", "clause"];

    /// <summary>Writes the definitions and the items.</summary>
    public static void Write(string directory)
    {
        var (items, rows) = (new StringBuilder(), new StringBuilder("text,next\n"));
        for (var i = 0; i < Items; i++)
        {
            var (first, second) = (Words[i % Words.Length], Words[(i + 1 + (i / Words.Length)) % Words.Length]);
            items.Append($$"""{"text": "the {{first}}", "first": "{{first}}", "second": "{{second}}", "right": {{i % 2}}}""")
                .Append('\n');
            rows.Append($"{first} {second},{second}\n");
        }

        File.WriteAllText(Path.Combine(directory, "choose.yaml"), Choose);
        File.WriteAllText(Path.Combine(directory, "choose.jsonl"), items.ToString());
        File.WriteAllText(Path.Combine(directory, "finish.yaml"), Finish);
        File.WriteAllText(Path.Combine(directory, "finish.csv"), rows.ToString());
    }
}
