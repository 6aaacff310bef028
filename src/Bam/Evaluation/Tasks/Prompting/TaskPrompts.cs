using Bam.Evaluation.Tasks.Definitions;
using Bam.Evaluation.Tasks.Files;
using Bam.Files;

namespace Bam.Evaluation.Tasks.Prompting;

/// <summary>An item as it is shown to a model.</summary>
/// <param name="Index">Its place in the subset, from 0.</param>
/// <param name="Row">Its fields.</param>
/// <param name="Contexts">The prompt; several if each choice has its own.</param>
/// <param name="Continuations">What is scored after each context; empty for generation.</param>
/// <param name="Choices">The choices without the delimiter.</param>
/// <param name="Gold">The right choice; -1 if the answer names none, or there are no choices.</param>
/// <param name="Answers">The right texts; the tests of a program.</param>
internal sealed record TaskItem(
    int Index, TaskRow Row, IReadOnlyList<string> Contexts, IReadOnlyList<string> Continuations, IReadOnlyList<string> Choices,
    int Gold, IReadOnlyList<string> Answers);

/// <summary>Builds the prompts of a subset's items.</summary>
internal sealed class TaskPrompts
{
    /// <summary>lm-evaluation-harness's default seed of few-shot examples.</summary>
    private const uint Seed = 1234;

    private readonly TaskDefinition task;
    private readonly TaskSubset subset;
    private readonly PromptTemplate description;
    private readonly PromptTemplate prompt;
    private readonly PromptTemplate answer;
    private readonly PromptTemplate target;
    private readonly IReadOnlyList<PromptTemplate> choices;
    private readonly IReadOnlyList<PromptTemplate> contexts;
    private readonly IReadOnlyList<PromptTemplate> labels;

    private TaskPrompts(TaskSubset subset)
    {
        (this.subset, task) = (subset, subset.Task);
        description = PromptTemplate.Parse(task.Description);
        prompt = PromptTemplate.Parse(task.Prompt);
        answer = PromptTemplate.Parse(task.Answer);
        target = PromptTemplate.Parse(task.Target);
        choices = [.. task.Choices.Select(PromptTemplate.Parse)];
        contexts = [.. task.Contexts.Select(PromptTemplate.Parse)];
        labels = [.. task.Labels.Select(PromptTemplate.Parse)];
    }

    /// <summary>The first items of a subset, all of them without a limit.</summary>
    /// <exception cref="InvalidInputException">A row lacks a field, or there are too few examples.</exception>
    public static IReadOnlyList<TaskItem> Build(TaskSubset subset, int? limit)
    {
        var prompts = new TaskPrompts(subset);
        var random = new PythonRandom(Seed);
        return [.. subset.Items.Take(limit ?? int.MaxValue).Select((row, i) => prompts.Item(i, row, random))];
    }

    private TaskItem Item(int index, TaskRow row, PythonRandom random)
    {
        var before = description.Render(row) + string.Concat(Examples(row, random).Select(Example));
        if (task.Kind != TaskKind.MultipleChoice)
            return new(index, row, [before + prompt.Render(row)], [], [], -1, answer.RenderAll(row));
        var (options, gold) = (OptionsOf(row), GoldOf(row));
        return contexts.Count > 0
            ? new(
                index, row, [.. options.Select(option => before + option)],
                [.. options.Select(_ => task.Delimiter + target.Render(row))], options, gold, [])
            : new(
                index, row, [before + prompt.Render(row)], [.. options.Select(option => task.Delimiter + option)], options, gold,
                []);
    }

    private IReadOnlyList<string> OptionsOf(TaskRow row)
    {
        var templates = contexts.Count > 0 ? contexts : choices;
        IReadOnlyList<string> options = [.. templates.SelectMany(option => option.RenderAll(row))];
        return options.Count > 1
            ? options
            : throw new InvalidInputException(row.Origin, "at least two choices", $"{options.Count}", "correct the row");
    }

    private int GoldOf(TaskRow row)
    {
        IReadOnlyList<string> names = [.. labels.SelectMany(label => label.RenderAll(row))];
        var (name, count) = (answer.Render(row), OptionsOf(row).Count);
        var place = names.ToList().IndexOf(name);
        return place >= 0
            ? place % count
            : throw new InvalidInputException(
                row.Origin, $"an answer of {string.Join(", ", names)}", ShortText.Of(name),
                "correct the row; a test set that is published without answers cannot be scored");
    }

    private string Example(TaskRow row)
    {
        var question = task.FewShot.Prompt is { } own ? PromptTemplate.Parse(own).Render(row)
            : contexts.Count > 0 ? OptionsOf(row)[GoldOf(row)] : prompt.Render(row);
        var solution = task.FewShot.Answer is { } other ? PromptTemplate.Parse(other).Render(row)
            : contexts.Count > 0 ? target.Render(row)
            : task.Kind == TaskKind.MultipleChoice ? OptionsOf(row)[GoldOf(row)] : answer.RenderAll(row)[0];
        return question + task.Delimiter + solution + task.FewShot.Separator;
    }

    private List<TaskRow> Examples(TaskRow row, PythonRandom random)
    {
        var count = task.FewShot.Count;
        if (count == 0) return [];
        var pool = subset.Examples ?? subset.Items;
        // An item cannot be its own example.
        var leavesOut = task.FewShot.LeavesOutItem || subset.Examples is null;
        if (task.FewShot.Sampler == ExampleChoice.FirstN)
        {
            var first = pool.Where(example => !leavesOut || !IsSame(example, row)).Take(count).ToList();
            return first.Count == count ? first : throw TooFew(count);
        }

        var drawn = leavesOut ? count + 1 : count;
        if (pool.Count < drawn) throw TooFew(drawn);
        return [.. random.Sample(pool.Count, drawn).Select(i => pool[i])
            .Where(example => !leavesOut || !IsSame(example, row)).Take(count)];
    }

    private InvalidInputException TooFew(int wanted) => new(
        subset.Name.Length > 0 ? $"the examples of {subset.Name}" : "the examples", $"at least {wanted}",
        $"{(subset.Examples ?? subset.Items).Count}",
        $"give a file of examples behind a comma, or fewer with --few-shot ({task.Published}); in a recipe by 'examples' and "
        + "'few_shot'");

    private static bool IsSame(TaskRow first, TaskRow second) =>
        ReferenceEquals(first, second) || System.Text.Json.Nodes.JsonNode.DeepEquals(first.Fields, second.Fields);
}
