using System.Security.Cryptography;
using System.Text;
using Bam.Evaluation.Tasks.Definitions;
using Bam.Evaluation.Tasks.Prompting;
using Bam.Evaluation.Tasks.Scoring;

namespace Bam.Evaluation.Tasks.Running;

/// <summary>Shows the items of a task to a model and scores its answers.</summary>
/// <param name="task">The task.</param>
/// <param name="model">What answers.</param>
/// <param name="modelIdentity">Distinguishes the model from others.</param>
/// <param name="programs">Runs generated programs; null if they must not be run.</param>
/// <param name="log">Holds answers of an earlier run and receives new ones; null for none.</param>
internal sealed class TaskRunner(
    LoadedTask task, ITaskModel model, string modelIdentity, IProgramRunner? programs, ItemLog? log)
{
    /// <summary>Answers all items.</summary>
    /// <param name="activity">Names the work in progress reports.</param>
    /// <param name="reporter">Receives progress.</param>
    /// <param name="cancellation">Stops between two requests; finished items are in the log.</param>
    /// <exception cref="InvalidInputException">The model cannot read a prompt.</exception>
    public TaskResult Run(string activity, IReporter reporter, CancellationToken cancellation)
    {
        var subjects = task.Subsets.SelectMany(subset => subset.Items.Select(item => new Subject(
            subset.Task, subset.Name, item, KeyOf(subset.Task, item)))).ToList();
        var records = subjects.Select(subject => log?.Find(subject.Key)).ToArray();
        var open = Enumerable.Range(0, subjects.Count).Where(i => records[i] is null).ToList();
        var done = subjects.Count - open.Count;
        reporter.Advance(new(activity, done, subjects.Count, "items"));
        if (task.Definition.Kind == TaskKind.MultipleChoice) ScoreChoices(subjects, open, Finish, cancellation);
        else Generate(subjects, open, Finish, cancellation);
        // The log of a model that answers the same prompts holds other places for them.
        var results = records.Zip(subjects, (record, subject) => record! with
        {
            Subset = subject.Subset, Index = subject.Item.Index, Origin = subject.Item.Row.Origin,
        }).ToList();
        log?.Finish(results);
        return TaskResult.Of(task.Name, task.Definition, task.Subsets[0].Task.FewShot.Count, results);

        void Finish(int subject, ItemRecord record)
        {
            records[subject] = record;
            log?.Add(record);
            reporter.Advance(new(activity, ++done, subjects.Count, "items"));
        }
    }

    private void ScoreChoices(
        List<Subject> subjects, List<int> open, Action<int, ItemRecord> finish, CancellationToken cancellation)
    {
        var requests = open
            .SelectMany(i => RequestsOf(subjects[i].Item).Select((request, choice) => (i, choice, request))).ToList();
        var scores = open.ToDictionary(i => i, i => new ContinuationScore?[subjects[i].Item.Continuations.Count]);
        model.Score([.. requests.Select(entry => entry.request)], Answered, cancellation);

        void Answered(int request, ContinuationScore score)
        {
            var (subject, choice, _) = requests[request];
            var all = scores[subject];
            all[choice] = score;
            if (all.All(entry => entry is not null)) finish(subject, RecordOf(subjects[subject], all));
        }
    }

    /// <summary>What is scored of an item of multiple choice.</summary>
    internal static IEnumerable<ContinuationRequest> RequestsOf(TaskItem item) =>
        item.Continuations.Select((text, i) => new ContinuationRequest(item.Contexts[item.Contexts.Count == 1 ? 0 : i], text));

    private static ItemRecord RecordOf(Subject subject, ContinuationScore?[] scores)
    {
        var (task, subset, item, key) = subject;
        var choices = item.Continuations
            .Zip(scores, (text, score) => new ScoredChoice(text, score!.LogLikelihood, score.IsGreedy));
        return new(
            key, subset, item.Index, item.Row.Origin, item.Contexts,
            ItemScores.OfChoices(task, item, [.. scores.Select(score => score!.LogLikelihood)]))
        {
            Choices = [.. choices], Gold = item.Gold,
        };
    }

    private void Generate(
        List<Subject> subjects, List<int> open, Action<int, ItemRecord> finish, CancellationToken cancellation)
    {
        var requests = open.Select(i => new ContinueRequest(
            subjects[i].Item.Contexts[0], subjects[i].Task.Until, subjects[i].Task.MaxTokens)).ToList();
        model.Generate(requests, Answered, cancellation);

        void Answered(int request, string text) =>
            finish(open[request], RecordOf(subjects[open[request]], text, cancellation));
    }

    private ItemRecord RecordOf(Subject subject, string generated, CancellationToken cancellation)
    {
        var (task, subset, item, key) = subject;
        TaskFilter?[] filters = task.Filters.Count == 0 ? [null] : [.. task.Filters];
        var (scores, filtered, verdict) = (new Dictionary<string, double>(), new Dictionary<string, string>(), (string?)null);
        foreach (var filter in filters)
        {
            var text = filter is null ? generated : ResponseFilter.Apply(generated, filter, item.Row);
            if (filter is not null) filtered[filter.Name] = text;
            foreach (var metric in task.Metrics)
            {
                var score = 0.0;
                if (metric.Name == MetricName.PassAt1)
                {
                    verdict = programs!.Run($"{text}\n{item.Answers[0]}", cancellation);
                    score = verdict is null ? 1 : 0;
                }
                else score = ItemScores.OfText(text, metric, item.Answers);

                scores[ItemScores.NameOf(metric.Name, filter)] = score;
            }
        }

        return new(key, subset, item.Index, item.Row.Origin, item.Contexts, scores)
        {
            Generated = generated,
            Filtered = task.Filters.Count == 0 ? null : filtered,
            Answers = item.Answers,
            Verdict = task.Kind == TaskKind.Code ? verdict ?? "passed" : null,
        };
    }

    private string KeyOf(TaskDefinition definition, TaskItem item)
    {
        IEnumerable<string> settings =
        [
            modelIdentity, $"{definition.MaxTokens}", .. definition.Until, "", .. definition.Filters.Select(Describe), "",
            .. definition.Metrics.Select(Describe), "", .. item.Contexts, "", .. item.Continuations, "", $"{item.Gold}",
            .. item.Answers,
        ];
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var text in settings)
        {
            hash.AppendData(BitConverter.GetBytes(text.Length));
            hash.AppendData(Encoding.UTF8.GetBytes(text));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset())[..32];
    }

    private static string Describe(TaskFilter filter) => $"{filter.Name} {string.Join(", ", filter.Steps)}";

    private static string Describe(TaskMetric metric) => $"{metric} {string.Join(", ", metric.Ignore)}";

    private sealed record Subject(TaskDefinition Task, string Subset, TaskItem Item, string Key);
}
