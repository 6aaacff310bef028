using Bam.Evaluation.Tasks.Files;
using Bam.Evaluation.Tasks.Prompting;
using Shouldly;
using Xunit;

namespace Bam.Tests.Evaluation.Tasks;

public sealed class TaskDataTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void A_folder_has_a_file_for_each_subset()
    {
        Write("test/law_test.csv", "q1,w,x,y,z,A\nq2,w,x,y,z,B\n");
        Write("test/logic_test.csv", "q3,w,x,y,z,C\n");
        Write("dev/law_dev.csv", "e1,w,x,y,z,D\n");
        Write("other/history_test.csv", "q4,w,x,y,z,A\n");

        var data = TaskData.Read(TaskLibrary.Load("mmlu"), new(directory.Root, null));

        data.Subsets.Select(subset => (subset.Name, subset.Items.Count)).ShouldBe([("law", 2), ("logic", 1)]);
        data.Subsets[0].Items[0].Fields["subset"]!.ToString().ShouldBe("law");
        data.Subsets[0].Examples!.Single().Fields["question"]!.ToString().ShouldBe("e1");
        data.Subsets[1].Examples.ShouldBeNull();
    }

    [Fact]
    public void Rows_name_their_subset_where_one_file_holds_all()
    {
        Write("test.jsonl", """
            {"question": "q1", "choices": ["w", "x", "y", "z"], "answer": 0, "subject": "law"}
            {"question": "q2", "choices": ["w", "x", "y", "z"], "answer": 0, "subject": "logic"}
            {"question": "q3", "choices": ["w", "x", "y", "z"], "answer": 0, "subject": "law"}
            """);
        Write("dev.jsonl", """{"question": "e1", "choices": ["w", "x", "y", "z"], "answer": 0, "subject": "logic"}""");

        var data = TaskData.Read(TaskLibrary.Load("mmlu"), new(directory["test.jsonl"], directory["dev.jsonl"]));

        data.Subsets.Select(subset => (subset.Name, subset.Items.Count, subset.Examples!.Count))
            .ShouldBe([("law", 2, 0), ("logic", 1, 1)]);
    }

    [Fact]
    public void A_single_file_is_named_as_in_the_folder()
    {
        Write("test/law_test.csv", "q1,w,x,y,z,A\n");

        TaskData.Read(TaskLibrary.Load("mmlu"), new(directory["test/law_test.csv"], null)).Subsets.Single().Name.ShouldBe("law");
    }

    [Fact]
    public void Only_the_subsets_of_the_task_are_read()
    {
        Write("proa/test.tsv", "label\ttext\nYes\ta\n");
        Write("proa/train.tsv", "label\ttext\nNo\tb\n");
        Write("scalr/test.tsv", "label\ttext\nYes\ta\n");

        var subset = TaskData.Read(TaskLibrary.Load("legalbench"), new(directory.Root, null)).Subsets.Single();

        subset.Name.ShouldBe("proa");
        subset.Task.FewShot.Count.ShouldBe(5);
        subset.Task.Prompt.ShouldBe("Statute: {text}\nAnswer:");
    }

    [Fact]
    public void The_tasks_of_contract_nli_are_read_from_the_publishers_folders()
    {
        const string name = "contract_nli_permissible_post-agreement_possession";
        Write($"data/{name}/train.tsv", "answer\tindex\ttext\tdocument_name\nNo\t0\tb\tx.pdf\n");
        Write($"data/{name}/test.tsv", "answer\tindex\ttext\tdocument_name\nYes\t0\t\"a \"\"b\"\"\"\tx.pdf\n");
        var task = TaskLibrary.Load("legalbench_contract_nli");

        var subset = TaskData.Read(task, new(directory.Root, null)).Subsets.Single();

        task.Subsets.Count.ShouldBe(14);
        task.Subsets.Keys.Select(key => task.For(key).Description).Distinct().Count().ShouldBe(14);
        subset.Name.ShouldBe(name);
        (subset.Task.FewShot.Count, subset.Task.Prompt).ShouldBe((8, "Clause: {text}\nLabel:"));
        subset.Items.Single().Fields["text"]!.ToString().ShouldBe("a \"b\"");
        subset.Examples!.Single().Fields["answer"]!.ToString().ShouldBe("No");
    }

    [Fact]
    public void A_folder_without_the_files_is_refused() =>
        Should.Throw<InvalidInputException>(() => TaskData.Read(TaskLibrary.Load("mmlu"), new(directory.Root, null))).Message
            .ShouldStartWith($"{directory.Root}: expected a folder with test/{{subset}}_test.csv or {{subset}}/test-*.parquet");

    [Fact]
    public void Problems_and_examples_of_one_file_are_told_apart_by_their_numbers()
    {
        Write("mbpp.jsonl", string.Concat(Enumerable.Range(1, 12).Select(id => $$"""
            {"task_id": {{id}}, "text": "t", "code": "c", "test_list": ["1", "2", "3"]}

            """)));

        var subset = TaskData.Read(TaskLibrary.Load("mbpp"), new(directory["mbpp.jsonl"], null)).Subsets.Single();

        subset.Items.Select(row => (int)row.Fields["task_id"]!).ShouldBe([11, 12]);
        subset.Examples!.Select(row => (int)row.Fields["task_id"]!).ShouldBe([2, 3, 4]);
    }

    [Fact]
    public void Questions_of_a_dialogue_know_the_earlier_ones()
    {
        Write("val.json", """
            {"data": [{"title": "T", "background": "B", "section_title": "S", "paragraphs": [
              {"context": "C. CANNOTANSWER", "qas": [
              {"question": "q1", "orig_answer": {"text": "a1"}, "answers": [{"text": "a1"}, {"text": "other"}]},
              {"question": "q2", "orig_answer": {"text": "a2"}, "answers": [{"text": "a2"}]}]}]}]}
            """);

        var task = TaskLibrary.Load("quac", new(directory["val.json"], null), new());

        task.Subsets.Single().Items.Select(item => item.Contexts.Single()).ShouldBe(
        [
            "Title: T\n\nBackground: B\n\nSection: S\nPassage: C.\n\nQuestion: q1\nAnswer:",
            "Title: T\n\nBackground: B\n\nSection: S\nPassage: C.\n\nQuestion: q1\nAnswer: a1\n\nQuestion: q2\nAnswer:",
        ]);
        task.Subsets.Single().Items[0].Answers.ShouldBe(["a1", "other"]);
    }

    private void Write(string name, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(directory[name])!);
        File.WriteAllText(directory[name], text);
    }
}
