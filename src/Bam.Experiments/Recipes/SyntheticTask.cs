using System.Text;

namespace Bam.Experiments.Recipes;

/// <summary>A task of a few made-up questions, for runs that only show that everything works.</summary>
internal static class SyntheticTask
{
    private const int Items = 8;

    private const string Definition = """
        published: made up for a smoke run
        kind: multiple_choice
        prompt: "{question}"
        choices: ["yes", "no"]
        labels: ["yes", "no"]
        answer: "{answer}"
        metrics: [{ name: acc }]

        """;

    /// <summary>Writes a definition and its items.</summary>
    /// <exception cref="InvalidInputException">Another file of one of the names is there.</exception>
    public static RecipeTask Write(string folder, string name)
    {
        var (task, file) = (Path.Combine(folder, $"task-{name}.yaml"), Path.Combine(folder, $"task-{name}.jsonl"));
        var lines = new StringBuilder();
        for (var i = 0; i < Items; i++)
            lines.Append($$"""{"question": "is {{i}} odd?", "answer": "{{(i % 2 == 1 ? "yes" : "no")}}"}""").Append('\n');
        SyntheticText.WriteOnce(task, Definition);
        SyntheticText.WriteOnce(file, lines.ToString());
        return new() { Task = task, File = file };
    }
}
